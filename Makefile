# One entry point. `make run` and `make test` set up what they need by themselves.
.DEFAULT_GOAL := help
.PHONY: help setup gen build lint format test unit integration e2e faults interop network bench run images manifests up down clean

# The runtime that the repository pins: the npm package `node`, first on the PATH.
PINNED := export PATH="$(CURDIR)/node_modules/.bin:$$PATH";

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install the npm packages and the pinned Node.js, if they are not there
	@node deploy/setup/packages.mjs

gen: setup ## Check the .proto files and generate the gRPC code
	@$(PINNED) cd proto && buf format -w && buf lint && buf generate

build: setup ## Compile everything and build the console's page
	@$(PINNED) node tests/run.mjs build

lint: setup ## Check the code's types and rules, and its format
	@$(PINNED) node tests/run.mjs build lint types format

format: setup ## Format everything
	@$(PINNED) prettier --write --log-level warn .
	@$(PINNED) buf format -w proto

test: setup ## Run every check and test that this machine can run
	@$(PINNED) node tests/run.mjs

unit: setup ## Run the unit tests
	@$(PINNED) node tests/run.mjs build set-up unit

integration: setup ## Run the tests with real NATS servers and mediasoup workers
	@$(PINNED) node tests/run.mjs build integration

e2e: setup ## Run the tests of whole clusters, in Chromium
	@$(PINNED) node tests/run.mjs build e2e

faults: setup ## Do every fault twenty times and write docs/faults.md (an hour; SLUICE_FAULT_RUNS)
	@$(PINNED) node tests/faults/run.mjs

interop: setup ## Try other WebRTC stacks against Chromium and write docs/interop.md
	@$(PINNED) SLUICE_INTEROP_PAGE=write node tests/run.mjs build interop

network: setup ## Try bad networks and write docs/network.md (some minutes)
	@$(PINNED) node tests/network/run.mjs

bench: setup ## Measure, and write docs/benchmarks.md (some minutes, on an idle machine)
	@$(PINNED) node bench/run.mjs

run: setup ## Start a cluster on this machine; SLUICE_PORT, SLUICE_NODES, SLUICE_WORKERS
	@$(PINNED) exec node deploy/local/run.mjs

images: setup ## Build the images (needs Docker; makes stand-in bases where no registry answers)
	@$(PINNED) deploy/images/build.sh

manifests: setup ## Make k8s/ from the Helm chart
	@$(PINNED) node helm/render.mjs k8s

up: setup ## Start a cluster in containers, once the images are built
	@$(PINNED) node deploy/compose/up.mjs

down: ## Stop the cluster in containers and forget all it kept
	@$(PINNED) node deploy/compose/down.mjs

clean: ## Remove what was built; packages and the cache of tools stay
	@rm -rf .run test-results libs/*/dist services/*/dist services/console/.vite deploy/local/dist tests/dist bench/dist
	@find . -name '*.tsbuildinfo' -not -path './node_modules/*' -delete
