#!/bin/bash -eu
# Builds each fuzz target of the module for libFuzzer, with OSS-Fuzz's compile_native_go_fuzzer_v2. That makes ordinary files of
# a package's test files, and an overlay of the standard library's testing: so the toolchain has to lie outside of the module
# cache, and test files of another package (x_test) can't stay in the folder. Those that have targets get a folder of their own.
# It finds a target by its name, also below the folder, and goes on where it finds two: so none may have that of another below.
# It links no library: its tag gofuzz leaves out libpcap.
cd "$SRC/l2tpdump"

goroot=$(go env GOROOT)
if [[ "$goroot" == "$(go env GOMODCACHE)"* ]]; then # the version that go.mod asks for was downloaded
	cp -r "$goroot" "$WORK/goroot"
	chmod -R u+w "$WORK/goroot"
	export GOROOT="$WORK/goroot" PATH="$WORK/goroot/bin:$PATH" GOTOOLCHAIN=local
	# The image's compiler was built with an older version, and can't read what this one does.
	git clone -q --branch v2 https://github.com/AdamKorcz/go-118-fuzz-build "$WORK/compiler"
	(cd "$WORK/compiler" && GOFLAGS=-mod=mod go build -o "$GOROOT/bin/go-118-fuzz-build_v2" .)
fi

targets() { cat "$@" /dev/null | sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(f \*testing\.F\).*/\1/p' | sort -u; }

compile() { # package, target, folder
	compile_native_go_fuzzer_v2 "$1" "$2" "${name}_$2"
	[ ! -d "$3/testdata/fuzz/$2" ] || addStdLibCorpusToFuzzer -fuzzer_name "${name}_$2" -dir "$3/testdata/fuzz/$2"
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

# What is made into two byte slices begins with the share of each: 4 and 1, of a capture and of a log.
mkdir -p "$WORK/seeds"
for folder in "$SRC"/l2tpdump/testdata/captures/*/; do
	{ printf '\4\1'; head -c 32768 "$folder/outer.pcap"; cat "$folder/router.log"; yes ''; } | head -c 40962 >"$WORK/seeds/$(basename "$folder")"
done
zip -qj "$OUT/cmd_internal_pipeline_FuzzPipeline_seed_corpus.zip" "$WORK"/seeds/*
