//! Whom objects mean, and what they bring.

use super::*;

fn object(import_id: &str, name: &str, email: &str, phone: &str) -> Imported {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (first, last) = name.split_once(' ').unwrap_or((name, ""));
    Imported {
        import_id: some(import_id),
        first_name: first.to_owned(),
        last_name: some(last),
        email: some(email),
        phone: some(phone),
        ..Imported::default()
    }
}

/// As Postgres would, for letters that all fold alike.
fn folds(objects: &[Imported]) -> Folds {
    let fold = |text: &str| (text.to_owned(), text.to_lowercase());
    Folds(Folds::needed(objects).into_iter().map(fold).collect())
}

fn take_all(objects: &[Imported]) -> (Vec<ImportResult>, usize) {
    let mut book = Book {
        folds: folds(objects),
        ..Book::default()
    };
    (
        objects.iter().map(|object| book.take(object.clone())).collect(),
        book.people.len(),
    )
}

#[test]
fn the_same_person_twice_in_one_import_is_one() {
    let (_, people) = take_all(&[
        object("1", "Jane Doe", "jane@x", "1"),
        object("2", "J Doe", "JANE@x", ""),
        object("3", "Jane Doe", "", "1"),
        object("1", "Jane Doe", "jane@x", "1"),
    ]);
    assert_eq!(people, 1);
}

#[test]
fn people_who_share_a_line_or_an_id_stay_apart() {
    let (taken, people) = take_all(&[
        object("1", "Jane Doe", "jane@x", "1"),
        object("2", "Jane Doe", "other@x", "1"),
        object("1", "John Roe", "john@x", "2"),
        object("3", "John Doe", "", "1"),
    ]);
    assert_eq!((taken, people), (vec![ImportResult::Created; 4], 4));
}

#[test]
fn a_line_is_the_same_however_it_is_written() {
    let spellings = [
        "+918888801042",
        "918888801042",
        "+91 88888-01042",
        "\u{202a}+91 88888 01042\u{202c}",
    ];
    let objects = spellings.map(|phone| object("", "Asha Rao", "", phone));
    let mut book = Book {
        folds: folds(&objects),
        ..Book::default()
    };
    let taken = objects.map(|object| book.take(object));
    assert_eq!(taken[0], ImportResult::Created);
    assert!(taken[1..].iter().all(|taken| *taken == ImportResult::Unchanged));
    assert_eq!(
        book.people[0].fields.phone.as_deref(),
        Some("+918888801042"),
        "it stays as it was"
    );
    let mexican = ["+5255 1234 5678", "+52 1 55 1234 5678"].map(|phone| object("", "Ana", "", phone));
    assert_eq!(take_all(&mexican).1, 1);
    // What isn't long enough to be a number tells nobody from others but by its very text.
    let short = ["ext. 1", "ext 1", "1"].map(|phone| object("", "Ann", "", phone));
    assert_eq!(take_all(&short).1, 3);
}

#[test]
fn people_without_address_and_number_are_told_apart_by_company() {
    let of = |company: &str| Imported {
        company: Some(company.to_owned()),
        ..object("", "Jane Doe", "", "")
    };
    let (_, people) = take_all(&[of("Acme"), of("acme"), of("Globex")]);
    assert_eq!(people, 2);
}

#[test]
fn a_value_is_filled_in_and_never_blanked_out() {
    let mut mine = object("", "Jane Doe", "jane@x", "1");
    let louder = object("", "Jane Doe", "JANE@X", "");
    let folds = folds(&[mine.clone(), louder.clone()]);
    assert!(!mine.fill_in(louder, &folds));
    let more = Imported {
        plan: Some("Pro".to_owned()),
        ..object("", "Jane Doe", "", "")
    };
    assert!(mine.fill_in(more, &folds));
    assert_eq!(
        (mine.phone.as_deref(), mine.plan.as_deref()),
        (Some("1"), Some("Pro"))
    );
}

#[test]
fn values_that_move_between_fields_change_the_digest() {
    let (one, two) = (object("", "ab c", "", ""), object("", "a bc", "", ""));
    assert_ne!(one.digest(), two.digest());
    assert_ne!(
        object("", "a", "x", "").digest(),
        object("", "a", "", "x").digest()
    );
    assert_eq!(
        object("1", "a", "", "").digest(),
        object("2", "a", "", "").digest(),
        "whatever the id"
    );
}
