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
// The way of an ESP packet that a known key opens; each file hands on to the one below it:
//
//	reader.go     take: a batch has room, a frame is there
//	frame.go      framer.frame ─> open: link, IP, reassembly ─> carried
//	classify.go   classify: it is ESP
//	esp.go        framer.esp ─> admit, of many at a time ─> salookup.Table.Admit: a Ring
//	work.go       worker.work ─> Record.open ─> salookup.Ring.Open ─> why.Packet: the verdict
//	deliver.go    feed ─> follow: salookup.Flow.Count
//	inside.go     unwrapper.unwrap: L2TP, PPP, the user's packet ─> the sinks
//
// Of one without a key:
//
//	esp.go        framer.esp ─> hold.go, if keys may come: it waits, and reader.again brings it back
//	              └> admit ─> salookup.Table.Admit: an error, and no Ring ─> why.Packet: the verdict
//	deliver.go    feed ─> follow, give ─> the sinks: Record.Why ─> why.PacketReason
//	              after the run why.Diagnose looks at all that Pipeline.ESP has kept
//
// Of an IKE message:
//
//	ike.go        framer.isakmp ─> ikev1.Tracker.Observe: messages
//	              ─> learn: what a Quick Mode agreed on goes to salookup.Table.AddNegotiated
//	              ─> judgeIKE ─> why.Message: the verdict
//	late.go       it keeps its place in the line as long as a later message may say more of it
//
// A run looks like this:
//
//	p := pipeline.New(pipeline.Config{Source: src})
//	p.AddKeys(keys)
//	p.AddSink(output.NewText(os.Stdout))
//	stats, err := p.Run(ctx)
package pipeline
