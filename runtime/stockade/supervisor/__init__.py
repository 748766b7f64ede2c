"""The supervisor: owns the processes, their pipes and their restarts. No zmq, no cbor2, no TOML anywhere in this wing."""
