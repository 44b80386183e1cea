package main

import (
	"bytes"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
	"l2tpdump/doc/schema"
	"l2tpdump/testdata/race"
)

// compiled returns the schema of a command.
func compiled(t *testing.T, command string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, of := range schemas {
		text, err := schema.Files.ReadFile(of + ".json")
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", of, err)
		}
		if err := c.AddResource("urn:l2tpdump:schema:"+of, doc); err != nil {
			t.Fatal(err)
		}
	}
	s, err := c.Compile("urn:l2tpdump:schema:" + command)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// titles is how the title of a command's schema goes on.
func titles(command string) string {
	if command == "changes" {
		return "live --sessions"
	}
	return command
}

// printJSON runs a command. Of changes it prints what live --sessions does of the packets of a
// capture.
func printJSON(t *testing.T, args ...string) string {
	t.Helper()
	if args[0] != "changes" {
		return quietly(t, func() { run(args) })
	}
	var o liveOptions
	if _, err := parse(o.sessionsFlags(), args[1:]); err != nil {
		t.Fatalf("arguments %q: %v", args, err)
	}
	return quietly(t, func() {
		keys, err := o.readKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r, err := o.openCaptures(t.Context(), pipeline.Config{}, keys, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		m := sessions.NewMonitor(o.changeTeller())
		r.p.AddSink(m)
		if _, err := r.run(t.Context()); err != nil {
			t.Error(err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestSchemas: each command that schema names has one that is a schema.
func TestSchemas(t *testing.T) {
	for _, command := range schemas {
		if text := quietly(t, func() { run([]string{"schema", command}) }); !strings.Contains(text, `"title": "l2tpdump `+titles(command)) ||
			!strings.Contains(text, `"$id": "urn:l2tpdump:schema:`+command+`"`) {
			t.Errorf("schema %s prints %.80q", command, text)
		}
		compiled(t, command)
	}
	files, err := schema.Files.ReadDir(".")
	if err != nil || len(files) != len(schemas) {
		t.Errorf("%d files, %d commands, %v", len(files), len(schemas), err)
	}
}

// TestSchemaOfOutput validates the JSON that each command prints of all recordings, with their keys
// and without.
func TestSchemaOfOutput(t *testing.T) {
	var files []string
	for _, pattern := range []string{
		captures + "/*/outer*.pcap*", "../../testdata/ppp/*/outer.pcap", "../../testdata/field/*.pcap",
		"../../../shared/captures/*/outer.pcap",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(pattern, "../../../") { // not everywhere, and many
			found = slices.DeleteFunc(found, func(name string) bool {
				info, err := os.Stat(name)
				return err != nil || info.Size() > 1<<20
			})
		}
		files = append(files, found...)
	}
	v := newValidator(t)
	for _, file := range race.Sampled(files) {
		frames := v.check(file, "decrypt", "-q", "--ppp-secrets", labSecrets, "-r", file, "--json")
		sameUIDs(t, file, frames, v.check(file, "sessions", "--ppp-secrets", labSecrets, "-r", file, "--json"))
		keys := filepath.Join(filepath.Dir(file), "router.log")
		if _, err := os.Stat(keys); err != nil {
			continue
		}
		frames = v.check(file, "decrypt", "-q", "-r", file, "-k", keys, "--json")
		v.check(file, "verify", "-r", file, "-k", keys, "--json")
		sameUIDs(t, file, frames, v.check(file, "sessions", "-r", file, "-k", keys, "--json"))
		v.check(file, "sessions", "-r", file, "-k", keys, "--ppp-secrets", labSecrets, "--json")
		v.check(file, "changes", "-r", file, "-k", keys, "--json")
		v.check(file, "keys", "-r", file, "-k", keys, "--json", "--show", "--wireshark", t.TempDir())
	}
	for command, least := range map[string]int{"decrypt": 10000, "changes": 20, "verify": 20, "sessions": 50, "keys": 20} {
		if v.lines[command] < least {
			t.Errorf("%s: %d lines validated", command, v.lines[command])
		}
	}
}

// sameUIDs demands that the frames of a capture name its sessions, and each of them.
func sameUIDs(t *testing.T, file string, frames, sessions map[string]int) {
	t.Helper()
	for uid := range frames {
		if uid != "" && sessions[uid] != 1 {
			t.Errorf("%s: %d frames are of the session %s, of which there are %d", file, frames[uid], uid, sessions[uid])
		}
	}
	for uid := range sessions {
		if frames[uid] == 0 {
			t.Errorf("%s: no frame is of the session %s", file, uid)
		}
	}
}

type validator struct {
	t       *testing.T
	schemas map[string]*jsonschema.Schema
	lines   map[string]int // that are valid, by command
}

func newValidator(t *testing.T) *validator {
	v := &validator{t: t, schemas: make(map[string]*jsonschema.Schema), lines: make(map[string]int)}
	for _, command := range schemas {
		v.schemas[command] = compiled(t, command)
	}
	return v
}

// check validates each line that a command prints; at most one of a file is told to be wrong. It
// returns how many lines each session's UID is in.
func (v *validator) check(file string, args ...string) map[string]int {
	v.t.Helper()
	s := v.schemas[args[0]]
	uids := make(map[string]int)
	for line := range strings.Lines(printJSON(v.t, args...)) {
		if strings.HasPrefix(line, "l2tpdump: ") { // standard error
			continue
		}
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err == nil {
			err = s.Validate(doc)
		}
		if err != nil {
			v.t.Errorf("%s of %s: %v\n%s", args[0], file, err, line)
			return uids
		}
		v.lines[args[0]]++
		if o, ok := doc.(map[string]any); ok {
			uid, _ := o["uid"].(string)
			uids[uid]++
		}
	}
	return uids
}

// TestSchemaOfDamage validates what is printed of recordings with bytes that are changed.
func TestSchemaOfDamage(t *testing.T) {
	v := newValidator(t)
	for _, name := range []string{
		captures + "/08x-auth-failed-l2tp-in-clear/outer.pcap", captures + "/07-aggressive-psk/outer.pcap",
		"../../testdata/ppp/lcp-codes/outer.pcap", "../../testdata/ppp/eap/outer.pcap", "../../testdata/ppp/mp-short/outer.pcap",
	} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		list := itemsOf(data)
		for round := range 16 {
			damaged := bytes.Clone(data)
			for i, item := range list[:len(list)-1] {
				// Behind the record header, another byte of each frame in each round.
				at := item.end + 16 + (14+round*31+i*7)%(list[i+1].end-item.end-16)
				damaged[at] ^= byte(1 << ((round + i) % 8))
			}
			file := filepath.Join(t.TempDir(), "damaged.pcap")
			if err := os.WriteFile(file, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			v.check(name, "decrypt", "-q", "-r", file, "--json")
			v.check(name, "sessions", "-r", file, "--json")
			v.check(name, "verify", "-r", file, "-k", captures+"/07-aggressive-psk/router.log", "--json")
		}
	}
	if v.lines["decrypt"] < 1000 {
		t.Errorf("%d lines validated", v.lines["decrypt"])
	}
}

// TestSchemaIsClosed: a member that the schema does not name fails, in whatever object it is, but
// for AVPs and options, which have the names of the packet.
func TestSchemaIsClosed(t *testing.T) {
	dir := filepath.Join(captures, "02-natt-aes256-sha1")
	input := []string{"-r", filepath.Join(dir, "outer-ns.pcap"), "-k", filepath.Join(dir, "router-full.log"), "--json"}
	for _, command := range schemas {
		s := compiled(t, command)
		input, objects, least := input, 0, 3
		if command == "version" {
			input, least = []string{"--json"}, 1
		}
		for line := range strings.Lines(printJSON(t, append([]string{command}, input...)...)) {
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
			if err != nil {
				continue // the summary, on standard error
			}
			for o := range objectsOf(doc) {
				o["undocumented"] = "x"
				if s.Validate(doc) == nil {
					t.Fatalf("%s: a member more is valid: %v", command, o)
				}
				delete(o, "undocumented")
				objects++
			}
		}
		if objects < least {
			t.Errorf("%s: %d objects", command, objects)
		}
	}
}

// objectsOf walks the objects of a document whose members are known.
func objectsOf(doc any) iter.Seq[map[string]any] {
	return func(yield func(map[string]any) bool) {
		walkObjects(doc, yield)
	}
}

func walkObjects(doc any, yield func(map[string]any) bool) bool {
	switch doc := doc.(type) {
	case map[string]any:
		if !yield(doc) {
			return false
		}
		for name, value := range doc {
			if name != "avps" && name != "options" && !walkObjects(value, yield) {
				return false
			}
		}
	case []any:
		for _, value := range doc {
			if !walkObjects(value, yield) {
				return false
			}
		}
	}
	return true
}
