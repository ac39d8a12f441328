//! Settings: constants of the object that user space writes before it loads the programs.

/// Declares settings, all 0 unless user space writes them. They are read-only once the programs are loaded, so that the
/// verifier drops the branches that they rule out.
macro_rules! settings {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty;)*) => { $(
        $(#[doc = $doc])*
        #[unsafe(no_mangle)]
        static $name: $type = 0;
    )* };
}
pub(crate) use settings;

/// The value of a setting.
#[inline(always)]
pub fn setting<T: Copy>(setting: &'static T) -> T {
    // SAFETY: the place is a live reference. The read is volatile because the value is patched into the object after it
    // was compiled.
    unsafe { core::ptr::read_volatile(setting) }
}
