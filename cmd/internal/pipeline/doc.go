// Package pipeline carries captured frames from a source through decryption to the sinks.
//
//	source ─> reader and framer: link, IP, reassembly, IKE, which SA    in capture order
//	          a frame in a frame (wrapping.go) or a TCP stream (tcp.go, stream.go) goes the same way again
//	       ─> work: ESP integrity check and decryption                  a batch on each processor
//	       ─> deliver: L2TP, PPP, counts, the sinks                     in capture order
//
// Frames travel in batches of which there is a fixed number, so memory does not depend on the size
// of the input, and a batch's buffers are used again, so nothing is allocated per packet. There is
// a goroutine for each processor, and each carries batches through all three stages, so that
// packets stay in that processor's caches. For the first and the third stage the goroutines take
// turns: the line keeps the batches in the order in which they were filled, and who has decrypted a
// batch delivers what is ready by then at the head of the line. Nobody waits for a turn to deliver:
// a frame whose fate a later one decides stops the line, not the reading.
//
// A run looks like this:
//
//	p := pipeline.New(pipeline.Config{Source: src})
//	p.AddKeys(keys)
//	p.AddSink(output.NewText(os.Stdout))
//	stats, err := p.Run(ctx)
package pipeline
