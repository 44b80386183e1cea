package main

import (
	"go/ast"
	"go/build"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestLimits: each number of doc/limits.md is that of its constant.
func TestLimits(t *testing.T) {
	text, err := os.ReadFile("../../doc/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	packages := map[string]*types.Package{}
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.ContainsAny(cells[2], "0123456789") {
			continue
		}
		rows++
		dir, name, _ := strings.Cut(strings.TrimSpace(cells[3]), " ")
		if packages[dir] == nil {
			packages[dir] = constantsOf(t, filepath.Join("../..", dir))
		}
		want, err := strconv.ParseInt(strings.TrimSpace(cells[2]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		c, ok := packages[dir].Scope().Lookup(name).(*types.Const)
		if !ok {
			t.Errorf("%s has no constant %s", dir, name)
			continue
		}
		if got, exact := constant.Int64Val(constant.ToInt(c.Val())); !exact || got != want {
			t.Errorf("%s of %s is %v, doc/limits.md says %d", name, dir, c.Val(), want)
		}
	}
	if rows < 100 {
		t.Errorf("%d limits", rows)
	}
}

// constantsOf reads a package as far as its constants need it.
func constantsOf(t *testing.T, dir string) *types.Package {
	t.Helper()
	p, err := build.ImportDir(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range append(p.GoFiles, p.CgoFiles...) {
		f, err := parser.ParseFile(set, filepath.Join(dir, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	// What is imported is not there: constants need none of it.
	config := types.Config{Error: func(error) {}, IgnoreFuncBodies: true, FakeImportC: true}
	checked, _ := config.Check(dir, set, files, nil)
	return checked
}
