//! The reason why the kernel refuses a program.

use aya::programs::ProgramError;

/// Returns the last line of the verifier's log in parentheses, which says why the verifier refuses the program. Returns
/// an empty text if the error is not the verifier's.
pub(super) fn verifier_line(error: &ProgramError) -> String {
    match error {
        ProgramError::LoadError { verifier_log, .. } => {
            format!(" ({})", verifier_log.to_string().lines().last().unwrap_or_default())
        }
        _ => String::new(),
    }
}
