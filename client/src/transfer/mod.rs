//! Whole files and trees on their way to the server and back.
