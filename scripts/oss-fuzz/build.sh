#!/bin/bash -eu
# Builds each fuzz target of the module for libFuzzer. Libpcap is not needed: CGO is that of the fuzzing engine.
cd "$SRC/l2tpdump"
go get github.com/AdamKorcz/go-118-fuzz-build/testing

grep -rlE --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r package; do
	grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$package"/*_test.go | cut -c6- | sort -u | while read -r target; do
		name=$(echo "${package#./}" | tr / _)_$target
		compile_native_go_fuzzer "l2tpdump/${package#./}" "$target" "$name"
	done
done
