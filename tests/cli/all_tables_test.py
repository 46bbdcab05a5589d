"""Every table of the program, at both scales: all rows compose and pass the components' checks, nothing runs, and what is
not on this machine is named with the command that gets it. FRUGAL_BUILD names the build folder."""
import json
import re

from harness import CliTest, main

# No data, no weights but those of wheels.
BARE = {"FRUGAL_DATA_ROOT": "", "HF_HOME": "/nonexistent", "HF_HUB_CACHE": ""}


class AllTables(CliTest):
    def plan(self, name, scale):
        answer = self.call("table", name, "--scale", scale, "--dry-run", env=BARE)
        if answer.code == 2 and f"no scale '{scale}'" in answer.err:
            return None
        self.assertEqual(answer.code, 0, f"{name} {scale}: {answer.err}")
        return answer.out

    def test_all_compose(self):
        entries = json.loads(self.call("list", "tables", "--json").out)
        self.assertFalse([entry["name"] for entry in entries if not entry["title"]])
        names = [entry["name"] for entry in entries]
        self.assertEqual({f"x_ecomla/table_{n}" for n in range(1, 15)} - set(names), set())
        self.assertFalse([name for name in names if name.startswith("table_part")])
        for name in names:
            plans = [self.plan(name, scale) for scale in ("small", "full")]
            self.assertTrue(any(plans), name)
            for text in filter(None, plans):
                with self.subTest(name):
                    self.assertRegex(text, r"\d+ runs: \d+ to make")
                    notes = set(re.findall(r"(?:needs-\w+|unsupported) \[(\d+)\]", text))
                    self.assertEqual(notes, set(re.findall(r"^\[(\d+)\]", text, re.M)), "every reason is said, once")
        self.assertFalse(list(self.folder.iterdir()), "a plan leaves nothing behind")

    def test_full_size_needs_weights(self):
        for number in (1, 2, 3, 6, 7, 9, 10, 11, 12, 13, 14):
            text = self.plan(f"x_ecomla/table_{number}", "full")
            made, cannot = map(int, re.search(r"(\d+) to make, of which (\d+) cannot", text).groups())
            self.assertEqual(made, cannot, number)
            self.assertIn("hf download meta-llama/", text)


if __name__ == "__main__":
    main()
