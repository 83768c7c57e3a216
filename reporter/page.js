"use strict";
/* Sort and filter the table of failing domains; without this it is just there. */
(() => {
	const table = document.getElementById("failing");
	const form = document.getElementById("filter");
	if (!table || !form)
		return;
	const body = table.tBodies[0];
	const heads = Array.from(table.tHead.rows[0].cells);
	const rows = Array.from(body.rows, (row) => ({
		row: row,
		cells: Array.from(row.cells, (cell) => cell.textContent),
	}));
	const name = form.elements.name;
	const reason = form.elements.reason;
	const shown = document.getElementById("shown");

	function order(column, numeric, sign) {
		return (a, b) => {
			const x = a.cells[column], y = b.cells[column];
			if (!numeric)
				return sign * (x < y ? -1 : x > y ? 1 : 0);
			return sign * ((parseFloat(x) || 0) - (parseFloat(y) || 0));
		};
	}

	function sort(head, column) {
		const numeric = head.dataset.type === "n";
		let up = !numeric;
		if (head.hasAttribute("aria-sort"))
			up = head.getAttribute("aria-sort") === "descending";
		for (const other of heads)
			other.removeAttribute("aria-sort");
		head.setAttribute("aria-sort", up ? "ascending" : "descending");
		rows.sort(order(column, numeric, up ? 1 : -1));
		body.append(...rows.map((r) => r.row));
	}

	function filter() {
		const part = name.value.trim().toLowerCase();
		const wanted = reason.value;
		let n = 0;
		for (const r of rows) {
			const fits = r.cells[0].includes(part) &&
			    (wanted === "" || r.cells[4] === wanted);
			r.row.hidden = !fits;
			n += fits;
		}
		shown.textContent = n + " of " + rows.length + " domains";
	}

	heads.forEach((head, column) => {
		const button = document.createElement("button");
		button.type = "button";
		button.append(...head.childNodes);
		button.addEventListener("click", () => sort(head, column));
		head.append(button);
	});
	for (const text of new Set(rows.map((r) => r.cells[4])))
		reason.add(new Option(text, text));
	name.addEventListener("input", filter);
	reason.addEventListener("input", filter);
	form.addEventListener("submit", (event) => event.preventDefault());
	form.hidden = false;
	filter();
})();
