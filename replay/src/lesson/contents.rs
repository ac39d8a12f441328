//! The table of contents: every lesson by its number and topic.

use super::{buddy, error::LessonError, gfp, mapping, objects, pages, script::Script, zones};

/// One row of the textbook, as a lesson.
pub struct Lesson {
    /// The number of the row, 1 to 20.
    pub row: u8,
    /// The name of the lesson on the command line.
    pub topic: &'static str,
    /// The subject of the lesson, in a line.
    pub title: &'static str,
    run: fn(&mut Script) -> Result<(), LessonError>,
}

impl Lesson {
    /// Runs the lesson, and returns the text that it shows.
    ///
    /// # Errors
    /// When a step goes wrong that the lesson needs.
    pub fn run(&self) -> Result<String, LessonError> {
        let mut script = Script::new(&format!("T{} {} — {}", self.row, self.topic, self.title));
        (self.run)(&mut script)?;
        Ok(script.into_text())
    }
}

/// All lessons, in the order of the book.
pub const LESSONS: [Lesson; 20] = [
    Lesson { row: 1, topic: "pages", title: "memory in pages, and three kinds of address", run: pages::pages },
    Lesson { row: 2, topic: "struct-page", title: "what the kernel knows about a frame", run: pages::struct_page },
    Lesson { row: 3, topic: "owners", title: "who owns a frame", run: pages::owners },
    Lesson { row: 4, topic: "zones", title: "memory that is not all alike", run: zones::zones },
    Lesson { row: 5, topic: "struct-zone", title: "watermarks, and what each triggers", run: zones::struct_zone },
    Lesson { row: 6, topic: "getting-pages", title: "alloc_pages and its relatives", run: pages::getting_pages },
    Lesson { row: 7, topic: "zeroed-pages", title: "what a page may still hold", run: pages::zeroed_pages },
    Lesson { row: 8, topic: "freeing", title: "free with care", run: pages::freeing },
    Lesson { row: 9, topic: "kmalloc", title: "bytes instead of pages", run: objects::kmalloc },
    Lesson { row: 10, topic: "vmalloc", title: "contiguous to the eye only", run: mapping::vmalloc },
    Lesson {
        row: 11,
        topic: "action-modifiers",
        title: "what a request may do to get its memory",
        run: gfp::action_modifiers,
    },
    Lesson { row: 12, topic: "zone-modifiers", title: "where the memory may come from", run: gfp::zone_modifiers },
    Lesson { row: 13, topic: "type-flags", title: "masks with a name", run: gfp::type_flags },
    Lesson { row: 14, topic: "which-flag-when", title: "a context decides the mask", run: gfp::which_flag_when },
    Lesson { row: 15, topic: "reserve", title: "who gets the last pages", run: zones::reserve },
    Lesson { row: 16, topic: "slab", title: "caches of objects", run: objects::slab },
    Lesson { row: 17, topic: "high-memory", title: "pages without an address", run: mapping::high_memory },
    Lesson { row: 18, topic: "per-cpu", title: "lists without a lock", run: buddy::per_cpu },
    Lesson { row: 19, topic: "picking-a-method", title: "which call for which need", run: objects::picking_a_method },
    Lesson { row: 20, topic: "buddy", title: "split, merge, fragment", run: buddy::buddy },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lesson_runs_and_shows_what_it_is_about() {
        for (n, lesson) in LESSONS.iter().enumerate() {
            let text = lesson.run().unwrap_or_else(|e| panic!("{}: {e}", lesson.topic));
            assert_eq!(usize::from(lesson.row), n + 1);
            assert!(text.lines().count() >= 5, "{} shows too little:\n{text}", lesson.topic);
        }
    }

    #[test]
    fn the_buddy_lesson_shows_the_split() {
        let text = LESSONS[19].run().unwrap();
        assert!(text.contains("0 0 0 1 1 1 1 1 1 1 0"), "{text}");
    }
}
