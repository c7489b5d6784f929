import unittest

from waymark import Match, MethodNotAllowed, NotFound, Router


class Matching(unittest.TestCase):
    def setUp(self):
        self.router = Router()

    def test_parameters(self):
        self.router.add("/users/<int:number>/<tab>", "user")
        self.assertEqual(self.router.match("GET", "/users/12/a%2Fb"), Match("user", {"number": 12, "tab": "a/b"}))

    def test_text_and_parameters(self):
        self.router.add("/report-<int:year>.<format>", "report")
        self.assertEqual(self.router.match("GET", "/report-2024.tar.gz").parameters, {"year": 2024, "format": "tar.gz"})

    def test_the_rest(self):
        self.router.add("/files/<path:rest>", "file")
        self.assertEqual(self.router.match("GET", "/files/a/b").parameters, {"rest": "a/b"})
        with self.assertRaises(NotFound):
            self.router.match("GET", "/files/")

    def test_methods(self):
        self.router.add("/a", "get")
        self.router.add("/a", "put", methods=["put"])
        self.assertEqual(self.router.match("PUT", "/a").handler, "put")
        self.assertEqual(self.router.match("HEAD", "/a").handler, "get")
        with self.assertRaises(MethodNotAllowed) as raised:
            self.router.match("DELETE", "/a")
        self.assertEqual(raised.exception.allowed, ["GET", "HEAD", "PUT"])

    def test_the_first_of_two_equals(self):
        self.router.add("/<one>", "first")
        self.router.add("/<two>", "second")
        self.assertEqual(self.router.match("GET", "/x").handler, "first")

    def test_when(self):
        self.router.add("/a", "never", when=lambda path: False)
        self.router.add("/a", "always")
        self.assertEqual(self.router.match("GET", "/a").handler, "always")

    def test_remove(self):
        self.router.add("/a", "a")
        self.router.remove("/a")
        with self.assertRaises(NotFound):
            self.router.match("GET", "/a")
        with self.assertRaises(KeyError):
            self.router.remove("/a")


class Mounting(unittest.TestCase):
    def setUp(self):
        self.router, self.shop = Router(), Router()
        self.router.mount("/<lang>/shop", self.shop, name="shop")

    def test_routes_added_later_count(self):
        self.shop.add("/items/<int:number>", "item", name="item")
        match = self.router.match("GET", "/de/shop/items/7")
        self.assertEqual(match, Match("item", {"lang": "de", "number": 7}))

    def test_url(self):
        self.shop.add("/items/<name>", "item", name="item")
        self.assertEqual(self.router.url("shop:item", lang="de", name="a/b"), "/de/shop/items/a%2Fb")
        with self.assertRaises(KeyError):
            self.router.url("shop:item", name="a")

    def test_routes(self):
        self.router.add("/about", "about")
        self.shop.add("/<name>", "item")
        self.assertEqual(self.router.routes(), ["/<lang>/shop/<name>", "/about"])


if __name__ == "__main__":
    unittest.main()
