module @@label-worker

go 1.24.0

require github.com/stockade-runtime/frontend-go v0.1.0

require (
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/pebbe/zmq4 v1.4.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/sys v0.33.0 // indirect
)

replace github.com/stockade-runtime/frontend-go => ./third_party/frontend-go
