"""The wire protocol, pure: frames to messages and back, topics, and one worker's side of the conversation."""
