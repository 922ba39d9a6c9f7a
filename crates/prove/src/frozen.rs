//! Functions that are declared IMMUTABLE and aren't: a plan may remember whom it was made for.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::catalog::{Catalog, Function, Volatility};

impl Function {
    /// Declared IMMUTABLE though it reads settings: a plan keeps the answer that the first user got.
    pub(crate) fn freezes_settings(&self) -> bool {
        let words = [
            "current_setting",
            "auth.uid",
            "auth.jwt",
            "auth.role",
            "auth.email",
        ];
        self.volatility == Volatility::Immutable && words.iter().any(|word| self.source.contains(word))
    }
}

impl Catalog {
    /// Whether a plan may hold what a function said to whoever it was made for: an IMMUTABLE one is called while
    /// planning.
    pub(crate) fn plans_may_remember(&self) -> bool {
        let changing: Vec<String> = self
            .functions
            .iter()
            .filter(|function| function.volatility != Volatility::Immutable)
            .map(|function| format!("{}(", function.name))
            .collect();
        self.functions
            .iter()
            .filter(|function| function.volatility == Volatility::Immutable)
            .any(|function| {
                function.freezes_settings()
                    || may_read_rows(&function.source)
                    || changing.iter().any(|call| function.source.contains(call))
            })
    }
}

/// Whether a body may read rows, as far as its words tell. What only unfolds its arguments, as
/// `from string_to_array(name, '/')`, reads none.
fn may_read_rows(body: &str) -> bool {
    let Ok(mut tokens) = Tokenizer::new(&PostgreSqlDialect {}, body).tokenize() else {
        return true;
    };
    tokens.retain(|token| !matches!(token, Token::Whitespace(_)));
    tokens.iter().enumerate().any(|(at, token)| {
        let Token::Word(word) = token else { return false };
        match word.keyword {
            Keyword::EXECUTE => true,
            Keyword::FROM | Keyword::JOIN => may_be_relation(&tokens[at + 1..]),
            _ => false,
        }
    })
}

/// Whether what follows FROM may be a relation, rather than a call or a subquery, which has a FROM of its own.
fn may_be_relation(after: &[Token]) -> bool {
    let name = after
        .iter()
        .take_while(|token| matches!(token, Token::Word(_) | Token::Period))
        .count();
    let rest = &after[name..];
    if rest.first() != Some(&Token::LParen) {
        return name > 0;
    }
    let mut depth = 0_usize;
    for token in rest {
        match token {
            Token::LParen => depth += 1,
            Token::RParen if depth > 0 => depth -= 1,
            Token::RParen | Token::SemiColon => return false,
            // Another stands beside it.
            Token::Comma if depth == 0 => return true,
            _ => (),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_immutable_function_that_unfolds_its_arguments_reads_no_rows() {
        for body in [
            "select parts[1:cardinality(parts) - 1] from string_to_array(name, '/') as parts",
            "select a from (select unnest(x) as a) as it where a > 1 -- from t",
            "select substring(name from 2) || trim(both ' ' from (name))",
            "begin return (select max(a) from pg_catalog.unnest(x) with ordinality as u(a, n)); end",
        ] {
            assert!(!may_read_rows(body), "{body}");
        }
        for body in [
            "select role from public.members where id = $1",
            "select 1 from unnest(x) as u, members",
            "select 1 from unnest(x) as u join \"members\" on true",
            "select 1 from only members",
            "begin execute 'select role fr' || 'om members' into role; end",
            "it can't be read",
        ] {
            assert!(may_read_rows(body), "{body}");
        }
    }
}
