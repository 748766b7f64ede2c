//! A worker that uses its bindings, `api`, for each kind of call; prints what it finds.

#[allow(dead_code)]
mod api;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use stockade_frontend::{Bytes, Value, args, worker};

fn everything() -> api::Everything {
    api::Everything {
        number: i64::MIN,
        real: 1.5,
        text: "ü".to_owned(),
        raw: Bytes(vec![0, 255]),
        flag: true,
        nothing: (),
        when: "2024-05-01T10:00:00+00:00".to_owned(),
        day: "2024-05-01".to_owned(),
        hour: "10:30:00".to_owned(),
        wait: 1.5,
        id: "00000000-0000-0000-0000-000000000007".to_owned(),
        amount: "1.50".to_owned(),
        path: "notes/todo".to_owned(),
        color: api::Color::LightBlue,
        level: api::Level::High,
        mode: api::FastOrSlowChoice::Fast,
        digit: 2,
        names: vec!["a".to_owned()],
        pair: (1, "one".to_owned()),
        days: vec!["2024-05-01".to_owned()],
        table: BTreeMap::from([("a".to_owned(), vec![api::Level::Low])]),
        maybe: Some(2.5),
        either: Some(api::IntOrText::Text("7".to_owned())),
        shape: api::CircleOrSquare::Square(api::Square { kind: api::SquareChoice::Square, side: 2.0 }),
        shapes: vec![
            api::CircleOrSquareOrInt::Circle(api::Circle { kind: api::CircleChoice::Circle, radius: 1.0 }),
            api::CircleOrSquareOrInt::Int(7),
        ],
        anything: Value::Array(vec![Value::Int(1)]),
        r#type: "a word of many languages".to_owned(),
    }
}

fn main() -> ExitCode {
    worker(|core| {
        let heard = Rc::new(RefCell::new(Vec::new()));
        let hears = Rc::clone(&heard);
        let listening = api::on_shop_changed(core, move |_, item, event| {
            hears.borrow_mut().push(format!("{} {} of {}", item.name, item.price, event.source));
            Ok(())
        })?;
        println!("{}", api::shop_same(core, &everything())? == everything());
        let item = api::shop_buy(core, "cup", Some(2), None)?;
        println!("{} {} {}", item.name, item.price, item.color == api::Color::Red);
        let late = core.options().timeout(Duration::from_secs(10));
        println!("{}", api::shop_buy(&late, "cup", Some(0), Some(None)).is_err_and(|error| error.is("shop.count")));
        let lid = api::ItemInput { name: "lid".to_owned(), price: "2".to_owned(), color: None, tags: None };
        let put = api::BoxInput { items: vec![lid.clone(), item.into()], boxes: None };
        let put = api::shop_box(core, &put, &api::Person { name: "ada".to_owned(), age: None })?;
        println!("{} {}", put.items.len(), put.boxes.len());
        let eve = api::Person { name: "eve".to_owned(), age: Some(None) };
        println!("{}", api::shop_person(core, &eve)? == eve);
        for row in api::shop_rows(core, Some(1), None)? {
            print!("{} ", row?.name);
        }
        let (data, back) = (core.send_channel(), core.receive_channel(64)?);
        let begun = api::shop_load(core, Some(10), &data, &back, None::<&stockade_frontend::SendChannel>)?;
        data.send(&lid)?;
        data.end()?;
        let sent = back.items::<Option<api::Item>>().collect::<Result<Vec<_>, _>>()?;
        println!("{} {}", sent.len(), begun.result()?);
        println!("{} {:?}", api::thumbs_make(core, "cat", None)?.name, api::bare_call(core, args! { x: 1 })?);
        api::emit_editor_opened(core, &eve)?;
        while heard.borrow().is_empty() {
            core.poll(Some(Duration::from_secs(1)))?;
        }
        listening.close()?;
        println!("{}", heard.borrow().join(", "));
        println!("done");
        Ok(())
    })
}
