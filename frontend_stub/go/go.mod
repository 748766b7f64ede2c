module github.com/stockade-runtime/frontend-go

go 1.24.0

require (
	github.com/fxamacker/cbor/v2 v2.10.0
	github.com/pebbe/zmq4 v1.4.0
	golang.org/x/sys v0.33.0
)

require github.com/x448/float16 v0.8.4 // indirect
