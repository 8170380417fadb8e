"""The work that goes on: each job brings ticks to the runner, at its own pace."""
