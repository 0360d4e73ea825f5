"""What is recorded beside what the program logs."""
