"""The promise put to the proof: whatever breaks, nothing is lost, doubled or wrong."""
