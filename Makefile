# make demo   sets up what is missing, builds, and decrypts a capture
# make test   sets up what is missing, and runs every test
# make help   lists the rest

GO        ?= go
FUZZTIME  ?= 5s
SOAKTIME  ?= 1h
BENCHFLAGS ?=
SHARDS    ?= 1
SHARD     ?= 0
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
DEADCODE    = golang.org/x/tools/cmd/deadcode@v0.52.0

.PHONY: demo test build check fuzz torture soak bench profile picture dist site setup clean help

help:
	@echo 'make build    build ./l2tpdump'
	@echo 'make demo     set up, build, decrypt a capture of testdata/'
	@echo 'make test     set up, run every test with the race detector'
	@echo 'make check    gofmt, go vet, staticcheck, no function that only tests reach or that is too large'
	@echo 'make fuzz     run each fuzz target for FUZZTIME ($(FUZZTIME))'
	@echo 'make torture  change each byte of two recordings, and end them there; SHARD=0..SHARDS-1 of SHARDS'
	@echo 'make soak     mixed traffic with faults for SOAKTIME ($(SOAKTIME))'
	@echo 'make profile  measure anew what the compiler is to optimize: cmd/l2tpdump/default.pgo'
	@echo 'make picture  make the picture of the README from a recording, with Chromium'
	@echo 'make dist     programs, packages and checksums of the last commit, into dist/; DIST_URL is where they will be had'
	@echo 'make site     README, manual and schemas as web pages, into site/'
	@echo 'make bench    throughput, beside the standard library over the same bytes; BENCHFLAGS=-sas=1000000: of so many SAs too'

build:
	@scripts/setup build
	$(GO) build -o l2tpdump ./cmd/l2tpdump

demo: build
	scripts/demo

test:
	@scripts/setup test
	$(GO) test -race -parallel 4 -timeout 45m ./...

check:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not gofmt'ed: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	@for cgo in 1 0; do dead=$$(CGO_ENABLED=$$cgo $(GO) run $(DEADCODE) ./...) && test -z "$$dead" || \
		{ echo "no program reaches, with CGO_ENABLED=$$cgo:"; echo "$$dead"; exit 1; }; done
	cd packaging && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./...
	scripts/check-size
	@if command -v mandoc >/dev/null; then scripts/check-manual; else echo 'the manual was not checked: there is no mandoc'; fi

fuzz:
	scripts/fuzz $(FUZZTIME)

torture:
	$(GO) test ./cmd/l2tpdump -timeout 24h -run TestTorture -torture-step $(SHARDS) -torture-shard $(SHARD)

soak:
	$(GO) test ./cmd/internal/pipeline -timeout 24h -v -run TestMixedSoak -soak-time $(SOAKTIME)

bench:
	@scripts/setup build
	$(GO) run ./cmd/internal/bench $(BENCHFLAGS)

profile:
	CGO_ENABLED=0 $(GO) run -trimpath ./cmd/internal/bench -profile cmd/l2tpdump/default.pgo

picture:
	@scripts/setup test
	TZ=UTC $(GO) test ./cmd/l2tpdump -count=1 -run TestPagePicture -page.picture $(CURDIR)/doc/sessions.png

dist:
	rm -rf dist
	cd packaging && $(GO) run ./dist -root .. -o ../dist -url '$(DIST_URL)'

site:
	rm -rf site
	cd packaging && $(GO) run ./site -root .. -o ../site

clean:
	rm -rf l2tpdump clear.pcapng dist site
