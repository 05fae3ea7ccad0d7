"""Force matching: targets, batches, loss, loop, checkpoint."""
