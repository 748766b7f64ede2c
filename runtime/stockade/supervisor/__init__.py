"""The supervisor: owns the processes, their pipes and their restarts. No zmq, cbor2 or TOML anywhere in this wing."""
