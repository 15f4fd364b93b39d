#!/bin/sh
# Makes the files that a real project would take from its own build or from a release page.
set -eu
cd "$(dirname "$0")"
export CGO_ENABLED=0 GO111MODULE=off GOOS=linux GOFLAGS=-trimpath
build() { # FOLDER VARIABLE=VALUE...
    folder=dist/$1
    shift
    mkdir -p "$folder"
    env "$@" go build -ldflags='-s -w' -o "$folder/hello" hello.go
}
build linux_amd64 GOARCH=amd64
build linux_arm64 GOARCH=arm64
build linux_armv7 GOARCH=arm GOARM=7
build linux_riscv64 GOARCH=riscv64
