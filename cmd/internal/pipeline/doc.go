// Package pipeline carries captured frames from a source through decryption to the sinks.
//
//	source ─> framer: link, IP, reassembly, IKE, which SA      one goroutine, in capture order
//	       ─> workers: ESP integrity check and decryption      several goroutines, a batch each
//	       ─> finisher: L2TP, PPP, counts, the sinks            one goroutine, in capture order
//
// Frames travel in batches taken from a fixed pool, so memory does not depend on the size of
// the input, and a batch's buffers are used again, so nothing is allocated per packet. The
// finisher takes batches in the order in which the framer filled them, whichever worker is
// done first.
//
// A run looks like this:
//
//	p := pipeline.New(pipeline.Config{Source: src})
//	p.AddKeys(keys)
//	p.AddSink(output.NewText(os.Stdout))
//	stats, err := p.Run(ctx)
package pipeline
