//! Small cases of each finding; tests/tuner_lint.rs has whole files.
