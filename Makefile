# Thin on purpose: each target is one or two commands.

.PHONY: run test bench lint build

build:
	cargo build --release

run:
	@tests/setup build
	@deploy/local/run

test:
	@tests/setup
	@tests/run

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

bench:
	@tests/setup
	cargo bench
