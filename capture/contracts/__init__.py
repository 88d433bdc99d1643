"""What plugins implement: light records to register, and protocols to fulfil."""
