package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"path"
	"slices"
	"strings"
)

// A schema is as much of JSON Schema as the project's own use.
type schema struct {
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Type        any               `json:"type"` // a name or several
	Ref         string            `json:"$ref"`
	Enum        []any             `json:"enum"`
	Items       *schema           `json:"items"`
	Properties  map[string]schema `json:"properties"`
	Required    []string          `json:"required"`
	Defs        map[string]schema `json:"$defs"`
}

// Kind says in a few words what a value is, "" if the schema does not.
func (s schema) Kind() template.HTML {
	switch {
	case s.Ref != "":
		name := template.HTMLEscapeString(strings.TrimPrefix(s.Ref, "#/$defs/"))
		if file, ok := strings.CutPrefix(name, "urn:l2tpdump:schema:"); ok { // another schema
			return template.HTML(`<a href="` + file + `.html">` + file + `</a>`)
		}
		return template.HTML(`<a href="#` + name + `">` + name + `</a>`)
	case s.Items != nil:
		return "array of " + s.Items.Kind()
	case s.Enum != nil:
		return list(s.Enum, ", ")
	}
	switch t := s.Type.(type) {
	case string:
		return list([]any{t}, "")
	case []any:
		return list(t, " or ")
	}
	return ""
}

func list(values []any, between string) template.HTML {
	var names []string
	for _, v := range values {
		names = append(names, fmt.Sprint(v))
	}
	return template.HTML(template.HTMLEscapeString(strings.Join(names, between)))
}

// Needed reports whether a member is always there.
func (s schema) Needed(name string) bool {
	return slices.Contains(s.Required, name)
}

var schemaBody = template.Must(template.New("").Parse(`{{define "members"}}
{{- $s := . -}}
{{if .Properties}}<table><tr><th>Member</th><th>Value</th><th></th></tr>
{{range $name, $p := .Properties}}<tr><td><code>{{$name}}</code></td><td>{{$p.Kind}}</td>
<td>{{if $s.Needed $name}}always there{{if $p.Description}}; {{end}}{{end}}{{$p.Description}}</td></tr>
{{end}}</table>{{end}}{{end -}}
<h1>{{.Schema.Title}}</h1>
<p>{{.Schema.Description}}</p>
<p>Of {{range .Others}}<a href="{{.}}.html">{{.}}</a> {{end}}; as JSON Schema: <code>l2tpdump schema {{.Name}}</code></p>
{{template "members" .Schema}}
{{range $name, $d := .Schema.Defs}}<h2 id="{{$name}}">{{$name}}</h2>
<p>{{$d.Kind}} {{$d.Description}}</p>
{{template "members" $d}}
{{end}}`))

// fromSchema makes the page of a JSON Schema: a table of the members of each object.
func (p pages) fromSchema(name string, source []byte) ([]byte, error) {
	var s schema
	if err := json.Unmarshal(source, &s); err != nil {
		return nil, err
	}
	command := strings.TrimSuffix(path.Base(name), ".json")
	var others []string
	for _, n := range slices.Sorted(maps.Keys(p)) {
		if path.Ext(n) == ".json" {
			others = append(others, strings.TrimSuffix(path.Base(n), ".json"))
		}
	}
	var b bytes.Buffer
	err := schemaBody.Execute(&b, map[string]any{"Schema": s, "Name": command, "Others": others})
	if err != nil {
		return nil, err
	}
	return page(name, s.Title, b.Bytes())
}
