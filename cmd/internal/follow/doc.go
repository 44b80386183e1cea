// Package follow reads key sources that grow while the program runs: a log that a router or a
// daemon is writing, standard input, syslog messages (RFC 3164, RFC 5424; over UDP as in RFC 5426
// and over TCP as in RFC 6587), the kernel's IPsec SAs, and the output of a command.
//
// Each source gives its keys as soon as their last row has come:
//
//	src, err := follow.Open("router.log", follow.Options{Log: log.Printf})
//	if err != nil {
//		return err
//	}
//	defer src.Close()
//	err = src.Run(ctx, func(k *keysrc.Keys) { … })
package follow
