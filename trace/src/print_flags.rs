//! The GFP flag table of the running kernel, read from a tracepoint's print format.
//!
//! The program assumes no bits, because the bits above 23 depend on the kernel's configuration, and names come and go
//! between releases. The kernel itself prints its whole table, composite flags first, as C expressions in the `print
//! fmt` of `kmem:mm_page_alloc`.

use gfp::GfpTable;

use crate::{Error, TracepointFormat};

impl TracepointFormat {
    /// Reads the kernel's GFP table from the format of a tracepoint that prints GFP flags.
    ///
    /// # Errors
    /// [`Error::Kernel`] if the print format holds no table, or if a mask in the table is not a constant C expression.
    pub fn gfp_table(&self) -> Result<GfpTable, Error> {
        let text = &self.print_fmt;
        let call = text.find("gfp").and_then(|gfp| text[gfp..].find("__print_flags(").map(|at| gfp + at));
        let Some(call) = call else {
            return Err(Error::Kernel {
                what: "the print fmt",
                at: text.chars().take(80).collect(),
                reason: "__print_flags(…gfp_flags…",
            });
        };
        Parser { rest: &text[call..] }.table()
    }
}

/// A parser for `__print_flags(VALUE, "|", { EXPRESSION, "NAME" }, …)`, where an expression is a constant C expression
/// of numbers, casts and the operators `| & ~ << >> + -`.
struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn table(mut self) -> Result<GfpTable, Error> {
        let mut entries = Vec::new();
        self.rest = self.rest.find('{').map_or("", |at| &self.rest[at..]);
        while self.eat("{") {
            let mask = self.expression(0)?;
            self.expect(",")?;
            let Some(quoted) = self.rest.trim_start().strip_prefix('"') else { break }; // `{ 0, NULL }` ends the list
            let (name, rest) = quoted.split_once('"').ok_or_else(|| self.error("a closing quote"))?;
            self.rest = rest;
            self.expect("}")?;
            // gfp_t has 32 bits, and the kernel casts the mask to unsigned long only to print it.
            entries.push((name.to_owned(), mask as u32));
            self.eat(",");
        }
        if entries.is_empty() {
            return Err(self.error("{ mask, \"NAME\" }"));
        }
        Ok(GfpTable::new(entries))
    }

    /// Parses an expression by precedence climbing over C's binary operators. Level 0 is that of the operator that
    /// binds least.
    fn expression(&mut self, level: usize) -> Result<u64, Error> {
        const LEVELS: [&[&str]; 4] = [&["|"], &["&"], &["<<", ">>"], &["+", "-"]];
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut value = self.expression(level + 1)?;
        while let Some(operator) = operators.iter().find(|operator| self.eat(operator)) {
            let right = self.expression(level + 1)?;
            value = match *operator {
                "|" => value | right,
                "&" => value & right,
                "<<" => value.checked_shl(right as u32).unwrap_or(0),
                ">>" => value.checked_shr(right as u32).unwrap_or(0),
                "+" => value.wrapping_add(right),
                _ => value.wrapping_sub(right),
            };
        }
        Ok(value)
    }

    fn unary(&mut self) -> Result<u64, Error> {
        if self.eat("~") {
            return Ok(!self.unary()?);
        }
        if self.eat("-") {
            return Ok(self.unary()?.wrapping_neg());
        }
        if self.eat("(") {
            if self.type_name() {
                return self.unary();
            }
            let value = self.expression(0)?;
            self.expect(")")?;
            return Ok(value);
        }
        self.number()
    }

    /// Skips the `TYPE)` of a cast, behind the opening parenthesis. Returns whether there was one.
    fn type_name(&mut self) -> bool {
        let Some((inside, rest)) = self.rest.split_once(')') else { return false };
        let is_type = inside.trim_start().starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && inside.chars().all(|c| c.is_ascii_alphanumeric() || "_ *".contains(c));
        if is_type {
            self.rest = rest;
        }
        is_type
    }

    fn number(&mut self) -> Result<u64, Error> {
        let text = self.rest.trim_start();
        let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
        let digits = text[..end].trim_end_matches(['u', 'U', 'l', 'L']);
        let value =
            digits.strip_prefix("0x").map_or_else(|| digits.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok());
        let value = value.ok_or_else(|| self.error("a number"))?;
        self.rest = &text[end..];
        Ok(value)
    }

    fn eat(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &'static str) -> Result<(), Error> {
        if self.eat(token) { Ok(()) } else { Err(self.error(token)) }
    }

    fn error(&self, reason: &'static str) -> Error {
        Error::Kernel { what: "the kernel's GFP table", at: self.rest.chars().take(40).collect(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(print_fmt: &str) -> Result<GfpTable, Error> {
        TracepointFormat { name: "x".into(), id: 0, fields: vec![], print_fmt: print_fmt.into() }.gfp_table()
    }

    #[test]
    fn reads_the_expressions_of_old_and_new_kernels() {
        let table = parse(
            r#""g=%s", (REC->gfp_flags) ? __print_flags(REC->gfp_flags, "|",
            {( unsigned long)((( gfp_t)(((((1UL))) << (10))|((((1UL))) << (11)))) | (( gfp_t)((((1UL))) << (6)))), "GFP_NOFS"},
            {(unsigned long)((((gfp_t)(0x400u|0x800u)) | ((gfp_t)0x40u)) & ~((gfp_t)0x400u)), "WITHOUT"},
            {( unsigned long)(( gfp_t)0x20u), "__GFP_HIGH"}, { 0, ((void *)0) } ) : "none""#,
        )
        .unwrap();
        assert_eq!(
            table.entries().collect::<Vec<_>>(),
            [("GFP_NOFS", 0xc40), ("WITHOUT", 0x840), ("__GFP_HIGH", 0x20)]
        );
    }

    #[test]
    fn refuses_what_it_cannot_evaluate() {
        for bad in [
            "\"no table\"",
            r#"gfp __print_flags(x, "|", {sizeof(int), "A"})"#,
            r#"gfp __print_flags(x, "|", {1, "A)"#,
            r#"gfp __print_flags(x, "|", "#,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
