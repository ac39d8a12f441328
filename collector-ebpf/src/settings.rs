//! The settings, which are constants of the object that user space sets before it loads the programs.

/// Declares settings, which are 0 unless user space sets them. They are read-only once the programs are loaded, so that
/// the verifier drops the branches that they rule out.
macro_rules! settings {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty;)*) => { $(
        $(#[doc = $doc])*
        #[unsafe(no_mangle)]
        static $name: $type = 0;
    )* };
}
pub(crate) use settings;

/// Returns the value of a setting.
#[inline(always)]
pub fn setting<T: Copy>(setting: &'static T) -> T {
    // SAFETY: the pointer comes from a live reference. The read is volatile because user space changes the value in the
    // object after it was compiled.
    unsafe { core::ptr::read_volatile(setting) }
}
