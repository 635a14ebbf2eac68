//! What holds against the hostile and belongs to no single operation. `docs/security-checks.md` maps every check to its
//! test.

mod canary;
mod closed;
mod files;
mod hostile;
mod leaks;
mod log;
mod oversize;
mod panics;
mod table;
