package main

const usage = `Usage:
    l2tpdump decrypt -r FILE... -k KEYS... [-w FILE] [--layer l2tp|ppp|ip] [--json] [--embed-keys]
    l2tpdump live    -i IFACE [-k KEYS...] [-w FILE] [--layer l2tp|ppp|ip] [--json] [FILTER]
    l2tpdump verify  -r FILE... -k KEYS... [--json]
    l2tpdump keys    -k KEYS... [-r FILE...] [--wireshark DIR] [--show] [--json]
    l2tpdump interfaces | version | help [COMMAND]

tcpdump for L2TP/IPsec: reads a capture or an interface, takes the keys from where they already
are (a router's log, a Wireshark table, ip xfrm state, a daemon's log), decrypts IKEv1 and ESP,
decodes L2TP and PPP, and prints or writes what was inside.

Example:
    $ l2tpdump decrypt -r outer.pcap -k router.log -w clear.pcapng
    $ l2tpdump verify -r outer.pcap -k router.log

Exit status: 0 all done; 1 error or bad usage; 3 done, but some packets could not be decrypted;
4 no key matched anything; 130 interrupted.
`

const inputUsage = `
Input:
    -r, --read FILE        a capture: pcap or pcapng, gzipped or not, told by content; "-" is
                           standard input; several are one capture, in order of their first packet
    -k, --keys FILE        a source of keys, told by content; may repeat
        --key-format NAME  the format of the key sources, if it is not recognised
    -f, --filter FILTER    take only the frames that match (BPF, on the frames as captured)
    -c, --count N          stop after N frames
`

const outputUsage = `
Output:
    -w, --write FILE       write the cleartext capture (pcapng, or pcap if the name ends so); "-" streams
        --layer LAYER      what it holds: l2tp (all frames, clear; the default), ppp or ip
        --json             print an object for each frame
        --print            print lines although -w is given
        --only WHAT        ike, esp, l2tp, ppp or ip: only frames that are or hold that
    -v, -vv                more detail: reasons, algorithms, each payload
    -x                     print the bytes of the inner packet
    -q, --quiet            no summary
        --progress         show how far the reading is
`

// commandUsage is what "help COMMAND" prints.
var commandUsage = map[string]string{
	"decrypt": `Usage: l2tpdump decrypt -r FILE... -k KEYS... [-w FILE] [options]

Decrypts a capture: prints a line for each frame, or with -w writes a cleartext capture.
` + inputUsage + outputUsage + `        --embed-keys       write the original packets, with the ESP keys in a pcapng
                           Decryption Secrets Block, which Wireshark opens with no settings

The summary, on standard error, says for each SA that could not be decrypted why, and what to do.
`,
	"live": `Usage: l2tpdump live -i IFACE [-k KEYS...] [-w FILE] [options] [FILTER]

Captures on an interface and decrypts as decrypt does.
` + outputUsage,
	"verify": `Usage: l2tpdump verify -r FILE... -k KEYS... [--json]

Says for each SA of a capture whether the keys belong to it, and if not why.
` + inputUsage + `        --json             print one object
`,
	"keys": `Usage: l2tpdump keys -k KEYS... [-r FILE...] [--wireshark DIR] [--show] [--json]

Lists the keys that a source holds.

    -k, --keys FILE        a source of keys, told by content; may repeat
        --key-format NAME  the format of the key sources, if it is not recognised
    -r, --read FILE        a capture: completes what the source leaves out
        --wireshark DIR    append to DIR/ikev1_decryption_table and DIR/esp_sa
        --show             print the key bytes
        --json             print one object
`,
	"interfaces": `Usage: l2tpdump interfaces

Lists the interfaces that live can capture on.
`,
	"version": `Usage: l2tpdump version
`,
}
