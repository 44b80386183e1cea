package main

const usage = `Usage: l2tpdump COMMAND [OPTIONS] [FILTER]

tcpdump for L2TP/IPsec: reads a capture or an interface, takes the keys from where they already
are (a router's log, a Wireshark table, ip xfrm state, a daemon's log), decrypts IKEv1 and ESP,
decodes L2TP and PPP, and prints or writes what was inside.

    decrypt -r FILE... -k KEYS... [-w FILE]   print or write what was inside a capture
    live -i IFACE [-k KEYS...] [-w FILE]      the same on an interface
    verify -r FILE... -k KEYS...              say whether the keys belong to the capture
    sessions -r FILE... [-k KEYS...]          say what happened to each VPN connection, and why
    keys -k KEYS... [-r FILE...]              list the keys of a source, or write Wireshark's tables
    interfaces                                list the interfaces that there are for live
    extcap install|remove [DIR]               have Wireshark offer each of them decrypted
    schema [COMMAND]                          print the JSON Schema of what --json prints
    completion bash|zsh|fish                  print what has a shell complete commands and options
    version [--json]                          print the version
    help [COMMAND]                            print all options of a command

Files need no -r and -k: what is a capture and what has keys is told by content. A line as tcpdump
has it needs no command: with -i and no -r it is taken for live, else for decrypt.

Examples:
    $ l2tpdump verify -r outer.pcap -k router.log
    $ l2tpdump decrypt -r outer.pcap -k router.log -w clear.pcapng
    $ l2tpdump outer.pcap router.log

Exit status: 0 all done; 1 error or bad usage; 3 done, but some packets could not be decrypted;
4 no key matched anything; 130 interrupted.
`

const inputUsage = `
Input:
    -r, --read FILE        a capture: pcap or pcapng, compressed or not, told by content; "-" is
                           standard input; several are one capture, in order of their first packet
    -V, --read-list FILE   read the captures that FILE names, one on each line
    -k, --keys FILE        a source of keys, its format told by content; may repeat; "xfrm:" is the running
                           Linux kernel
        --key-format NAME  the format of the key sources, if it is not recognised
    -E, --esp-keys KEYS    keys of ESP as tcpdump has them, best as "file NAME": others on this host may see
                           the command line
    -f, --filter FILTER    take only the frames that match (BPF, on the frames as captured); FILTER at the
                           end of the line does the same
    -F, --filter-file FILE read that filter from FILE
    -c, --count N          stop after N frames
    -Q, --direction WAY    in, out or inout: of frames that tell which way they went, only these
    -L, --list-data-link-types  only list the link types of the capture
    -n, --numeric          changes nothing: names are never looked up
Files without -r and -k are told apart by content. -i, -s, -p, -B, -y, -I, -j and -Z say how to capture: as with
tcpdump they change nothing here.
`

const outputUsage = `
Output:
    -w, --write FILE       write the cleartext capture (pcapng, or pcap if the name ends so; compressed
                           if it ends in .gz or .zst); "-" streams
        --layer LAYER      what it holds: l2tp (all frames, clear; the default), ppp, ip,
                           or eth (the frames of L2TPv3's Ethernet pseudowires)
        --json             print an object for each frame
        --print            print lines although -w is given
        --only WHAT        ike, esp, l2tp, ppp, ip or eth, several with commas: only frames that are or
                           hold one of these
    -q, --quiet            no summary
    -C, --file-size N      -w: go on in another file after N million bytes: FILE, FILE1, FILE2 ...
    -G, --rotate-seconds N -w: go on in another file after N seconds of the capture; FILE is a format of
                           strftime: one that stays the same gets numbers, as with -C
    -W, --files N          with -C: begin again with the first file after N; with -G alone: stop then
    -U, --packet-buffered  -w: write each packet as it comes

Only some connections, and what is inside:
` + choiceUsage + `        --with-control     with these: the frames too that set up, keep and end the chosen connections

Lines:
    -v, --verbose          more detail: IP headers, checksums, reasons; again: algorithms, each payload
    -e, --link-header      print addresses of the link layer, VLANs and the PPPoE session
    -x, --hex              print the bytes of the inner packet; again: of the frame, in clear
    -X, --hex-ascii        the same with the characters beside them
    -A, --ascii            the same as characters only
    -t, --time             print no time; -tt: seconds since 1970; -ttt: since the line before; -tttt: with the
                           date; -ttttt: since the first line. The date stands there too once it is another
        --nano             print nanoseconds
    -#, --number           print the number of the frame
    -S, --absolute-tcp-sequence-numbers  print them as they are, not from the first of the connection
    -K, --dont-verify-checksums  with -v: do not say whether checksums are right
    -l, --line-buffered    print each line as it comes
tcpdump's -b, -g, -H, -N, -O and -u change nothing; for -d, -J, -m, -M, -T and -z it is said what to use instead.

L2TP and PPP:
        --l2tp-secret-file FILE  the secret that the ends of a tunnel share, one on each line: uncovers
                           hidden AVPs, checks responses and digests
        --ppp-secrets FILE the users' passwords, as pppd's chap-secrets has them: decrypts MPPE
`

const choiceUsage = `        --inner FILTER     only users' packets that match (as -f has it, on what is inside)
        --user NAME        only connections of that user
        --session UID      only the connection with that uid in "sessions --json"
`

const progressUsage = `        --progress         show how far the reading is
`

// commandUsage is what "help COMMAND" prints.
var commandUsage = map[string]string{
	"decrypt": `Usage: l2tpdump decrypt -r FILE... -k KEYS... [-w FILE] [options] [FILTER]

Decrypts a capture: prints a line for each frame, or with -w writes a cleartext capture.
` + inputUsage + outputUsage + progressUsage + `        --embed-keys       write the original packets, with the ESP keys in a pcapng
                           Decryption Secrets Block, which Wireshark opens with no settings

The summary, on standard error, says for each SA that could not be decrypted why, and what to do.
`,
	"live": `Usage: l2tpdump live -i IFACE [-k KEYS...] [-w FILE] [options] [FILTER]

Captures on an interface and decrypts as decrypt does. FILTER, in tcpdump's language, takes the place
of the default: UDP ports 500, 4500 and 1701, ESP and fragments, also behind VLAN tags and in PPPoE.

Capture:
    -i, --interface IFACE  its name, its number in "l2tpdump interfaces", or any
    -D, --list-interfaces  only list the interfaces, as "l2tpdump interfaces" does
        --all              take everything: no filter
        --sessions         in place of a line for each frame one at each change of a connection: came up, keys
                           renewed, losses, ended, failed and why; with --json an object; on a terminal a
                           table of the connections, which q ends
    -Q, --direction WAY    in, out or inout: packets that this host gets, sends, or both
    -L, --list-data-link-types  only list the link types of the interface
    -y, --linktype TYPE    take frames as those of that link type
    -s, --snapshot-length N  bytes of each packet to take; 0, the default, is all
    -p, --no-promiscuous-mode  take only what the interface takes by itself
    -B, --buffer-size KIB  the kernel's buffer; 32768 by default
        --immediate-mode   take each packet as it comes, not up to 10 ms later with the next
    -f, --filter FILTER    the same as FILTER at the end
    -F, --filter-file FILE read it from FILE
    -c, --count N          stop after N frames
        --duration TIME    stop after so many seconds, or 500ms, 5m, 1h30m
    -n, --numeric          changes nothing: names are never looked up
    -Z, --relinquish-privileges USER
                           run as USER once all is open, commands of exec: too; by default, if
                           root, as the one who called sudo, or nobody (commands: as root)

Keys, which may come while it runs:
    -k, --keys KEYS        may repeat; one of
                             FILE               followed as it grows and is rotated; of a folder its text files
                             -                  standard input
                             syslog:[ADDR]:PORT syslog messages, by UDP and TCP
                             xfrm:              the SAs of this Linux kernel
                             exec:COMMAND       what a command prints; started again if it ends
        --key-format NAME  the format of the key sources, if it is not recognised
    -E, --esp-keys KEYS    keys of ESP as tcpdump has them, best as "file NAME"
        --syslog-save FILE append what syslog: receives to FILE, which only its owner may read
        --hold-time TIME   how long packets wait for their key; 10 seconds by default
        --hold-bytes N     how much may wait, such as 500k or 1G; 64M by default. What has no room
                           goes on without its key, the oldest first, and is counted
` + outputUsage + `
SIGINT, SIGTERM and SIGHUP end it with a summary, exit status 130; SIGUSR1 prints the summary so far. Behind
--duration or -c the exit status is 0, also if some packets could not be decrypted. When the disk is full, the
interface is gone or a command for keys fails for good, what is written is whole, and the exit status is 1.
`,
	"verify": `Usage: l2tpdump verify -r FILE... -k KEYS... [--json] [FILTER]

Says for each SA of a capture whether the keys belong to it, and if not why. What does not fit the width of the
terminal (or of COLUMNS) stands below, reasons as notes.
` + inputUsage + `        --json             print one object
    -v, --verbose          list every unused key, not only the first twenty
        --color WHEN       bad verdicts in color: auto (on a terminal, unless NO_COLOR is set), always or never
`,
	"sessions": `Usage: l2tpdump sessions -r FILE... [-k KEYS...] [--json] [--ladder] [--html FILE] [FILTER]

Says of each VPN connection of a capture whether it came up, who it was, and why it ended or never began.
Without keys it says what clear traffic shows.
` + inputUsage + `        --json             print an object for each session
        --ladder           draw the messages of each session, too: who sent what to whom, what was sent again
                           or lost, the step that was not passed; as wide as the terminal, or COLUMNS
        --html FILE        write a page for a browser, in place of lines: the sessions, their ladders, the traffic
                           over time, the conversations inside; "-" is standard output
    -v, --verbose          print the packets of each session that say something, too
    -q, --quiet            no warnings about secrets, nor of what --html wrote
` + choiceUsage + progressUsage + `        --psk-file FILE    pre-shared keys, one a line or as ipsec.secrets has them: tried on phase 1, to
                           tell of each end which of them it has
        --ppp-secrets FILE the users' passwords, as pppd's chap-secrets has them: decrypts MPPE
        --l2tp-secret-file FILE  the secrets of L2TP tunnels, one on each line: uncovers hidden AVPs

Exit status: 0 all sessions came up and ended orderly; 3 some failed, were lost or ran without encryption;
4 no key matched anything.
`,
	"keys": `Usage: l2tpdump keys -k KEYS... [-r FILE...] [--wireshark DIR] [--show] [--json]

Lists the keys that a source holds.

    -k, --keys FILE        a source of keys, its format told by content; may repeat; "xfrm:" is the running
                           Linux kernel
        --key-format NAME  the format of the key sources, if it is not recognised
    -E, --esp-keys KEYS    keys of ESP as tcpdump has them, best as "file NAME"
    -r, --read FILE        a capture: completes what the source leaves out
    -V, --read-list FILE   read the captures that FILE names, one on each line
    -f, --filter FILTER    of the capture, take only the frames that match
    -F, --filter-file FILE read that filter from FILE
    -c, --count N          of the capture, take N frames
    -Q, --direction WAY    of frames that tell which way they went, only in or out
    -L, --list-data-link-types  only list the link types of the capture
    -n, --numeric          changes nothing: names are never looked up
        --wireshark DIR    append to DIR/ikev1_decryption_table and DIR/esp_sa
        --show             print the key bytes
        --json             print one object
`,
	"schema": `Usage: l2tpdump schema [decrypt|changes|verify|sessions|keys|version]

Prints the JSON Schema of what a command prints with --json, which names every member and says what it means;
that of decrypt is live's too, and changes is that of live --sessions, whose "session" is that of sessions. Without
a command lists those that have one.
`,
	"interfaces": `Usage: l2tpdump interfaces

Lists the interfaces that live can capture on.
`,
	"extcap": `Usage: l2tpdump extcap install|remove [DIR]

Makes Wireshark offer each interface as "L2TP/IPsec decrypted: ...", or no more: links this program into its
folder for extcaps, or DIR, and asks tshark -D whether it has been found. The options of such an interface, the gear beside it, are

    Key file               followed as it grows, like -k FILE of live
    Other source of keys   syslog:[ADDR]:PORT, xfrm: or exec:COMMAND
    Wait for keys          like --hold-time
    Show                   like --layer
    Capture filter         like -f; joined with the one of the capture dialog
    Capture all traffic    like --all

tshark takes them with -o, as extcap.l2tpdump_eth0.keyfile:FILE, keysource, holdtime, layer, filter and all:

    $ tshark -i l2tpdump-eth0 -o extcap.l2tpdump_eth0.keyfile:router.log

Wireshark has to be able to capture: as root, or after setcap cap_net_raw,cap_net_admin=ep on this program.
`,
	"completion": `Usage: l2tpdump completion bash|zsh|fish

Prints a script that has the shell complete commands, options and their values. For this shell only:

    $ source <(l2tpdump completion bash)      # zsh: the same with zsh, behind compinit
    $ l2tpdump completion fish | source

For all to come it goes, where no package has put it there, into
    bash    ~/.local/share/bash-completion/completions/l2tpdump
    zsh     a file _l2tpdump in a folder of $fpath
    fish    ~/.config/fish/completions/l2tpdump.fish
`,
	"version": `Usage: l2tpdump version [--json]

Prints the version, the commit and its date, the version of Go, the system and what it can capture live with.

        --json             print one object
`,
}
