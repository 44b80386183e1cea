package keysrc

import (
	"encoding/json"
	"fmt"
	"html"
	"strings"
)

// exports are what log servers, issue trackers, chats, terminals and word processors make of a log.
var exports = []struct {
	name string
	wrap func([]string) string
}{
	{"Loki", func(l []string) string {
		vals := [][]string{}
		for i, s := range l {
			vals = append(vals, []string{fmt.Sprintf("1700000000%09d", i*50000000%1000000000), s})
		}
		b, _ := json.Marshal(map[string]any{"status": "success", "data": map[string]any{"resultType": "streams", "result": []any{map[string]any{"stream": map[string]string{"job": "vpn"}, "values": vals}}}})
		return string(b) + "\n"
	}},
	{"logcli jsonl", lineByLine(func(i int, l string) string {
		return fmt.Sprintf(`{"labels":{"job":"vpn"},"line":%s,"timestamp":"%s000Z"}`, quoteJSON(l), stamp(i))
	})},
	{"GELF", lineByLine(func(i int, l string) string {
		return fmt.Sprintf(`{"version":"1.1","host":"gw","short_message":%s,"full_message":%[1]s,"timestamp":1700000000.%03d,"level":6,"_pid":12}`, quoteJSON(l), i%1000)
	})},
	{"Splunk", lineByLine(func(i int, l string) string {
		return fmt.Sprintf(`{"preview":false,"offset":%d,"result":{"_raw":%s,"_time":"%s","host":"gw"}}`, i, quoteJSON(l), stamp(i))
	})},
	{"Splunk CSV", func(l []string) string {
		return "\"_raw\",\"_time\",host\n" + lineByLine(func(i int, l string) string { return csvQuote(l) + ",\"" + stamp(i) + "\",gw" })(l)
	}},
	{"fluentd out_file", lineByLine(func(i int, l string) string { return stamp(i)[:19] + "+00:00\tvpn.log\t{\"log\":" + quoteJSON(l) + "}" })},
	{"CloudWatch", func(l []string) string {
		ev := []any{}
		for i, s := range l {
			ev = append(ev, map[string]any{"timestamp": 1700000000000 + i*50, "message": s, "ingestionTime": 1700000001000})
		}
		b, _ := json.MarshalIndent(map[string]any{"events": ev, "nextToken": "x"}, "", "    ")
		return string(b) + "\n"
	}},
	{"Datadog", func(l []string) string {
		ev := []any{}
		for i, s := range l {
			ev = append(ev, map[string]any{"id": fmt.Sprint(i), "type": "log", "attributes": map[string]any{"timestamp": stamp(i) + "Z", "message": s, "tags": []string{"env:prod"}, "service": "vpn"}})
		}
		b, _ := json.Marshal(map[string]any{"data": ev})
		return string(b) + "\n"
	}},
	{"Datadog CSV", func(l []string) string {
		return "Date,Host,Service,Message\n" + lineByLine(func(i int, l string) string { return "\"" + stamp(i) + "Z\",\"gw\",\"vpn\"," + csvQuote(l) })(l)
	}},
	{"GCP", func(l []string) string {
		ev := []any{}
		for i, s := range l {
			ev = append(ev, map[string]any{"textPayload": s, "insertId": "a1", "resource": map[string]any{"type": "gce_instance", "labels": map[string]any{"zone": "x"}}, "timestamp": stamp(i) + "Z"})
		}
		b, _ := json.MarshalIndent(ev, "", "  ")
		return string(b) + "\n"
	}},
	{"Azure CSV", func(l []string) string {
		return "\"TimeGenerated [UTC]\",Computer,SyslogMessage\n" + lineByLine(func(i int, l string) string { return "\"11/23/2026, 7:15:18.000 AM\",gw," + csvQuote(l) })(l)
	}},
	{"markdown", func(l []string) string { return "### Log\n\n```log\n" + strings.Join(l, "\n") + "\n```\n\nthanks\n" }},
	{"markdown quoted", func(l []string) string { return "> ```\n> " + strings.Join(l, "\n> ") + "\n> ```\n" }},
	{"markdown indented", lineByLine(func(i int, l string) string { return "    " + l })},
	{"GitHub issue JSON", func(l []string) string {
		b, _ := json.MarshalIndent(map[string]any{"number": 12, "title": "VPN", "user": map[string]any{"login": "x"}, "body": "It fails:\r\n```\r\n" + strings.Join(l, "\r\n") + "\r\n```\r\n"}, "", "  ")
		return string(b) + "\n"
	}},
	{"details", func(l []string) string {
		return "<details><summary>log</summary>\n\n```\n" + strings.Join(l, "\n") + "\n```\n</details>\n"
	}},
	{"Slack", func(l []string) string { return "alice  7:15 AM\n" + strings.Join(l, "\n") + "\n:+1: 2\n" }},
	{"Teams", func(l []string) string { return "[11/23 7:15 AM] Alice\n" + strings.Join(l, "\n") + "\n" }},
	{"PuTTY", func(l []string) string {
		return "=~=~=~=~=~=~=~=~=~=~=~= PuTTY log 2026.11.23 07:15:18 =~=~=~=~=~=~=~=~=~=~=~=\r\nlogin as: root\r\n\x1b]0;root@gw: ~\x07\x1b[?2004hroot@gw:~# cat log\r\n\x1b[?2004l\r" + strings.Join(l, "\r\n") + "\r\n\x1b[?2004h\x1b]0;root@gw: ~\x07root@gw:~# exit\r\n"
	}},
	{"typescript", func(l []string) string {
		return "Script started on 2026-11-23 07:15:18+00:00 [TERM=\"xterm-256color\" TTY=\"/dev/pts/0\" COLUMNS=\"80\" LINES=\"24\"]\n\x1b]0;root@gw: ~\x07root@gw:~# cat log\r\n" + strings.Join(l, "\r\n") + "\r\n\x1b]0;root@gw: ~\x1b\\root@gw:~# exit\r\n\nScript done on 2026-11-23 07:16:18+00:00 [COMMAND_EXIT_CODE=\"0\"]\n"
	}},
	{"OSC title per line", lineByLine(func(i int, l string) string { return "\x1b]8;;http://x/\x1b\\" + l + "\x1b]8;;\x1b\\" })},
	{"charset escapes", lineByLine(func(i int, l string) string { return "\x1b(B\x1b[m" + l + "\x1b[K" })},
	{"tmux padded", lineByLine(func(i int, l string) string { return fmt.Sprintf("%-120s", l) })},
	{"form feed", func(l []string) string { return "\f" + strings.Join(l, "\n") + "\n\f" }},
	{"json-seq", lineByLine(func(i int, l string) string {
		return "\x1e" + fmt.Sprintf(`{"MESSAGE":%s,"__REALTIME_TIMESTAMP":"%d"}`, quoteJSON(l), 1700000000000000+i*50000)
	})},
	{"json-sse", lineByLine(func(i int, l string) string {
		return "data: " + fmt.Sprintf(`{"MESSAGE":%s,"__REALTIME_TIMESTAMP":"%d"}`+"\n", quoteJSON(l), 1700000000000000+i*50000)
	})},
	{"Kiwi", lineByLine(func(i int, l string) string {
		return stamp(i)[:10] + " " + stamp(i)[11:19] + "\tDaemon.Debug\t192.0.2.1\t" + strings.ReplaceAll(l, "\t", "    ")
	})},
	{"RFC 5424, two SD", lineByLine(func(i int, l string) string {
		return "<30>1 " + stamp(i) + "123+09:00 gw vpn 812 ID1 [timeQuality tzKnown=\"1\" isSynced=\"1\"][meta sequenceId=\"1\"] \xef\xbb\xbf" + l
	})},
	{"td numbered", lineByLine(func(i int, l string) string {
		return fmt.Sprintf("<tr><td>%d</td><td>%s</td></tr>", i+1, html.EscapeString(l))
	})},
	{"td numbered, own lines", lineByLine(func(i int, l string) string {
		return fmt.Sprintf("<tr>\n<td class=\"line-number\" data-line=\"%d\"></td>\n<td>%s</td>\n</tr>", i+1, html.EscapeString(l))
	})},
	{"td numbered, one line", func(l []string) string {
		return "<table>" + strings.ReplaceAll(lineByLine(func(i int, l string) string {
			return fmt.Sprintf("<tr><td>%d</td><td>%s</td></tr>", i+1, html.EscapeString(l))
		})(l), "\n", "") + "</table>\n"
	}},
	{"GitHub blob", lineByLine(func(i int, l string) string {
		return fmt.Sprintf(`<tr><td id="L%d" class="blob-num" data-line-number="%[1]d"></td><td id="LC%[1]d" class="blob-code"><span class="pl-s">%s</span></td></tr>`, i+1, html.EscapeString(l))
	})},
	{"YAML list", lineByLine(func(i int, l string) string { return "- " + l })},
	{"YAML quoted list", lineByLine(func(i int, l string) string { return "- " + quoteJSON(l) })},
	{"tail -v", func(l []string) string { return "==> /var/log/vpn.log <==\n" + strings.Join(l, "\n") + "\n" }},
	{"diff minus", func(l []string) string {
		return "--- a/x.log\n+++ /dev/null\n@@ -1,9 +0,0 @@\n-" + strings.Join(l, "\n-") + "\n"
	}},
	{"diff normal <", lineByLine(func(i int, l string) string { return "< " + l })},
	{"number colon blank", lineByLine(func(i int, l string) string { return fmt.Sprintf("%d: %s", i+1, l) })},
	{"en space", lineByLine(func(i int, l string) string { return strings.ReplaceAll(l, "  ", "\u2002\u2002") })},
	{"narrow nbsp", lineByLine(func(i int, l string) string { return strings.ReplaceAll(l, " ", "\u202f") })},
	{"zero width", lineByLine(func(i int, l string) string { return "\u200b" + strings.ReplaceAll(l, " ", " \u200b") })},
	{"nb hyphen", lineByLine(func(i int, l string) string { return strings.ReplaceAll(l, "-", "\u2011") })},
}
