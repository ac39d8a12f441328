//! The reasons why a lesson ends early.

/// A step of a lesson went otherwise than the lesson says: a bug in the allocator or in the lesson.
#[derive(Debug, thiserror::Error)]
pub enum LessonError {
    /// An allocation failed.
    #[error("an allocation of the lesson failed: {0}")]
    Alloc(#[from] reference::AllocError),
    /// A correct call was refused as misuse.
    #[error("a call of the lesson was refused: {0}")]
    Misuse(#[from] reference::Misuse),
    /// An invariant of the allocator does not hold.
    #[error("an invariant of the allocator does not hold: {0}")]
    Invariant(#[from] reference::Violation),
    /// A frame that was just allocated lies in no zone.
    #[error("a frame lies in no zone")]
    NoZone,
}
