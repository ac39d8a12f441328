//! Why the kernel refuses a program.

use aya::programs::ProgramError;

/// The last line of the verifier's log in parentheses, which says why it refuses the program; empty if it was not the
/// verifier.
pub(super) fn verifier_line(error: &ProgramError) -> String {
    match error {
        ProgramError::LoadError { verifier_log, .. } => {
            format!(" ({})", verifier_log.to_string().lines().last().unwrap_or_default())
        }
        _ => String::new(),
    }
}
