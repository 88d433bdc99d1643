"""The sequencer: phases of a workflow, one fed by what the others came to."""
