#!/bin/bash -eu
# Builds each fuzz target of the module for libFuzzer, with OSS-Fuzz's compile_native_go_fuzzer_v2. That makes ordinary files of
# a package's test files, and an overlay of the standard library's testing: so the toolchain has to lie outside of the module
# cache, and test files of another package (x_test) can't stay in the folder. Those that have targets get a folder of their own.
# It finds a target by its name, also below the folder, and goes on where it finds two: so none may have that of another below.
cd "$SRC/l2tpdump"

goroot=$(go env GOROOT)
if [[ "$goroot" == "$(go env GOMODCACHE)"* ]]; then # the version that go.mod asks for was downloaded
	cp -r "$goroot" "$WORK/goroot"
	chmod -R u+w "$WORK/goroot"
	export GOROOT="$WORK/goroot" PATH="$WORK/goroot/bin:$PATH" GOTOOLCHAIN=local
fi
go get github.com/AdamKorcz/go-118-fuzz-build/testing

targets() { cat "$@" /dev/null | sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(f \*testing\.F\).*/\1/p' | sort -u; }

compile() { # package, target, folder
	compile_native_go_fuzzer_v2 "$1" "$2" "${name}_$2"
	[ ! -d "$3/testdata/fuzz/$2" ] || zip -qj "$OUT/${name}_$2_seed_corpus.zip" "$3/testdata/fuzz/$2"/*
}

for package in $(go list ./...); do
	folder=$(go list -f '{{.Dir}}' "$package")
	cd "$folder"
	name=$(echo "${package#l2tpdump/}" | tr / _)
	inside=$(targets $(go list -f '{{join .TestGoFiles " "}}' .))
	others=$(go list -f '{{join .XTestGoFiles " "}}' .)
	beside=$(targets $others)
	for file in $others; do
		if [ -n "$beside" ]; then
			mkdir -p fuzzing
			sed 's/^package [a-z0-9]*_test$/package fuzzing/' "$file" >"fuzzing/${file%_test.go}_fuzz.go"
		fi
		mv "$file" "$WORK/"
	done
	for target in $inside; do
		compile "$package" "$target" "$folder"
	done
	if [ -n "$beside" ]; then # they may use what test files of the package itself export
		for file in $(go list -f '{{join .TestGoFiles " "}}' .); do mv "$file" "${file%_test.go}_fuzz.go"; done
	fi
	for target in $beside; do
		compile "$package/fuzzing" "$target" "$folder"
	done
done
