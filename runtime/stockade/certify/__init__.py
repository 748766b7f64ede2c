"""`stockade certify`: a scripted core that leads a program through the protocol, and judges each frame it sends."""
