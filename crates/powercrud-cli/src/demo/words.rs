//! The words that the bookshop is made of.

pub(super) const FIRST_NAMES: &[&str] = &[
    "Ada", "Adrian", "Agnes", "Aisha", "Alejandro", "Amara", "Anders", "Anna", "Anton", "Astrid", "Beatrice", "Ben",
    "Bianca", "Bruno", "Camille", "Carmen", "Chidi", "Clara", "Conrad", "Dalia", "Daniel", "Daphne", "David",
    "Edith", "Eleanor", "Elif", "Elias", "Emeka", "Emma", "Esther", "Farah", "Felix", "Fiona", "Frances", "Gabriel",
    "George", "Greta", "Hana", "Hannah", "Harriet", "Hugo", "Ibrahim", "Ida", "Ines", "Ingrid", "Isaac", "Jakob",
    "James", "Jane", "Jonas", "Josephine", "Judith", "Julian", "Karim", "Katarina", "Kenji", "Kofi", "Laura",
    "Leila", "Leo", "Lena", "Lucia", "Magnus", "Maja", "Marcus", "Margaret", "Maria", "Martin", "Matilda", "Mei",
    "Miriam", "Nadia", "Naomi", "Nikolai", "Noah", "Nora", "Olga", "Oliver", "Omar", "Paul", "Petra", "Priya",
    "Rafael", "Rosa", "Ruth", "Samuel", "Sara", "Simone", "Sofia", "Stefan", "Tara", "Theo", "Thomas", "Ursula",
    "Vera", "Victor", "Walter", "Yasmin", "Yuki", "Zoe",
];

pub(super) const LAST_NAMES: &[&str] = &[
    "Abbott", "Adeyemi", "Ahmed", "Almeida", "Andersen", "Arden", "Ashby", "Baker", "Barros", "Becker", "Bell",
    "Bennett", "Berg", "Bianchi", "Blackwood", "Bloom", "Brandt", "Brennan", "Calloway", "Carver", "Castillo",
    "Chen", "Clarke", "Cole", "Costa", "Cross", "Dahl", "Darcy", "Dawson", "Delgado", "Drake", "Dubois", "Eriksen",
    "Evans", "Falk", "Fairchild", "Ferreira", "Fischer", "Fleming", "Fontaine", "Foster", "Garland", "Gibson",
    "Gray", "Greene", "Haddad", "Hale", "Harlow", "Hart", "Hayes", "Holm", "Horvat", "Hughes", "Ibarra", "Ito",
    "Jansen", "Jensen", "Kapoor", "Keller", "Kim", "Kovacs", "Lang", "Larsson", "Laurent", "Lindgren", "Locke",
    "Lowell", "Marsh", "Martel", "Mbeki", "Mercer", "Meyer", "Moreau", "Morgan", "Nakamura", "Nilsson", "Novak",
    "Nwosu", "Okafor", "Oduya", "Palmer", "Park", "Pereira", "Petrov", "Quinn", "Ramirez", "Reed", "Ricci", "Rossi",
    "Rowe", "Sandoval", "Santos", "Sato", "Schmidt", "Shaw", "Silva", "Sinclair", "Sokolov", "Stone", "Suzuki",
    "Tanaka", "Thorne", "Torres", "Vance", "Varga", "Vogel", "Wagner", "Walsh", "Weber", "West", "Whitaker",
    "Wilder", "Winter", "Wong", "Wright", "Yilmaz", "Young", "Zhang", "Ziegler",
];

pub(super) const COUNTRIES: &[&str] = &[
    "Argentina", "Australia", "Austria", "Brazil", "Canada", "Chile", "Denmark", "Egypt", "France", "Germany",
    "Ghana", "Hungary", "India", "Ireland", "Italy", "Japan", "Kenya", "Mexico", "Morocco", "Netherlands", "Nigeria",
    "Norway", "Poland", "Portugal", "South Africa", "South Korea", "Spain", "Sweden", "Turkey", "United Kingdom",
    "United States",
];

pub(super) const CITIES: &[&str] = &[
    "Amsterdam", "Barcelona", "Berlin", "Bologna", "Bristol", "Budapest", "Cork", "Dublin", "Edinburgh", "Galway",
    "Gothenburg", "Hamburg", "Leeds", "Leipzig", "Lisbon", "London", "Lyon", "Madrid", "Manchester", "Milan",
    "Munich", "New York", "Norwich", "Oslo", "Oxford", "Paris", "Porto", "Prague", "Rotterdam", "Seville", "Toronto",
    "Turin", "Utrecht", "Vienna", "York", "Zurich",
];

/// What publishers are called, before one of [`PUBLISHER_KINDS`].
pub(super) const PUBLISHERS: &[&str] = &[
    "Anchor & Quill", "Bluebell", "Canal Street", "Copper Kettle", "Driftwood", "Elm Court", "Fable", "Foxglove",
    "Granite", "Harbour", "Inkwell", "Juniper", "Kestrel", "Lantern", "Little Owl", "Long Meadow", "Magpie",
    "Marlowe", "Nightjar", "North Quay", "Old Mill", "Paper Boat", "Plum Tree", "Quarry", "Red Door", "Saltmarsh",
    "Seven Rivers", "Silver Birch", "Stonebridge", "Swallowtail", "Tidewater", "Underwood", "Vantage", "Weathervane",
    "Willow Lane", "Yellow Gate",
];

pub(super) const PUBLISHER_KINDS: &[&str] = &["Press", "Books", "Publishing", "House"];

/// Words that titles and blurbs are filled from, by the name that patterns use.
pub(super) const TITLE_WORDS: &[(&str, &[&str])] = &[
    (
        "adjective",
        &[
            "Silent", "Hidden", "Last", "Broken", "Golden", "Winter", "Forgotten", "Crooked", "Burning", "Distant",
            "Quiet", "Scarlet", "Hollow", "Borrowed", "Paper", "Salt", "Midnight", "Second", "Invisible", "Restless",
            "Patient", "Pale", "Long", "Bitter", "Gentle", "Lost", "Northern", "Stolen", "Tender", "Unwritten",
            "Wild", "Glass", "Iron", "Amber",
        ],
    ),
    (
        "noun",
        &[
            "Garden", "River", "House", "Letter", "Orchard", "Clock", "Lighthouse", "Map", "Harbour", "Witness",
            "Bridge", "Violin", "Archive", "Cartographer's Room", "Island", "Mirror", "Promise", "Season", "Shore",
            "Staircase", "Summer", "Tide", "Train", "Window", "Winter", "Crossing", "Inheritance", "Kingdom",
            "Lantern", "Library", "Moon", "Museum", "Passage", "Photograph", "Road", "Secret", "Shadow", "Song",
            "Storm", "Theatre", "Tower", "Valley", "Voyage", "Wall", "Well",
        ],
    ),
    (
        "person",
        &[
            "Beekeeper", "Cartographer", "Clockmaker", "Ferryman", "Gardener", "Glassblower", "Governess",
            "Inspector", "Librarian", "Locksmith", "Midwife", "Navigator", "Painter", "Perfumer", "Pianist",
            "Postman", "Printer", "Shepherd", "Stranger", "Tailor", "Translator", "Watchman", "Widow", "Botanist",
            "Bookbinder", "Archivist",
        ],
    ),
    (
        "place",
        &[
            "Ashford", "Blackwater", "Cordoba", "Dunmore", "Elsinore", "Fairhaven", "Galway", "Hallow Bay",
            "Istanbul", "Jericho", "Kirkwall", "Lisbon", "Marrakesh", "Mill Lane", "Naples", "Odessa", "Prague",
            "Quebec", "Riga", "Salt Creek", "Samarkand", "Trieste", "Uppsala", "Valparaiso", "Whitby", "Zagreb",
            "the Fens", "the Baltic", "the Old Town", "the High Moor",
        ],
    ),
    ("name", FIRST_NAMES),
    ("surname", LAST_NAMES),
    ("month", &["January", "March", "April", "May", "June", "August", "September", "October", "November", "December"]),
    (
        "abstract",
        &[
            "Memory", "Silence", "Courage", "Distance", "Mercy", "Doubt", "Longing", "Exile", "Wonder", "Patience",
            "Grief", "Loyalty", "Chance", "Betrayal", "Hope", "Solitude", "Belonging", "Forgiveness", "Ambition",
            "Curiosity",
        ],
    ),
    (
        "history",
        &[
            "Printing", "the Potato", "Venice", "Salt", "the Railways", "Maps", "the Silk Road", "Glass",
            "the Plague Years", "Clocks", "the Hanseatic League", "Coffee", "the Telegraph", "Constantinople",
            "the Spice Trade", "Lighthouses", "the Vikings", "Paper", "the Suez Canal", "Cotton", "the Bicycle",
            "Zero",
        ],
    ),
    (
        "science",
        &[
            "Black Holes", "the Genome", "Octopuses", "Prime Numbers", "the Immune System", "Glaciers", "Deep Time",
            "Fungi", "Probability", "the Sleeping Brain", "Bees", "Volcanoes", "Light", "Tides", "Symmetry",
            "Migration", "Soil", "Gravity", "the Periodic Table", "Whales", "Cloud Physics", "Mosses",
        ],
    ),
    (
        "food",
        &[
            "Sourdough", "Soups", "the Vegetable Garden", "Sicily", "Sunday Roasts", "Spices", "the Slow Oven",
            "Dumplings", "Preserves", "the Fish Market", "Pastry", "Lentils and Beans", "the Grill", "Anatolia",
            "Fermentation", "One Pot",
        ],
    ),
    (
        "craft",
        &[
            "Roses", "the Small Garden", "Watercolour", "Bookbinding", "Joinery", "Knitting", "Beekeeping",
            "Letterpress", "Wild Flowers", "Pottery", "Fruit Trees", "the Allotment", "Drawing Birds",
            "Natural Dyes", "Stone Walls",
        ],
    ),
    (
        "idea",
        &[
            "Attention", "Justice", "Free Will", "Everyday Ethics", "Happiness", "Friendship", "Good Work",
            "Clear Thinking", "Uncertainty", "Small Teams", "Honest Numbers", "Negotiation", "Long Projects",
            "Habits", "Listening", "Leaving Well",
        ],
    ),
];

/// A kind of book: the tag that names it, how its titles are made, how many pages it has, and what its blurb says.
pub(super) struct Genre {
    pub(super) tag: &'static str,
    pub(super) titles: &'static [&'static str],
    pub(super) pages: (u64, u64),
    pub(super) blurbs: &'static [&'static str],
}

const STORIES: &[&str] = &[
    "When {name} {surname} comes back to {place} after eleven years, the house is sold and nobody will say to whom.",
    "{name} has kept one secret all her life. A letter from {place} is about to end that.",
    "Two strangers meet on the night train to {place}. By morning one of them is gone.",
    "A novel about {abstract}, {abstract} and the summer that changed {place} for good.",
    "All {name} wanted was a quiet year in {place}. Then the old ferry was raised from the harbour.",
];

const FACTS: &[&str] = &[
    "A clear and surprising account, written for readers who want the whole picture.",
    "Twenty years of notes, letters and field work went into this book. It shows.",
    "With a new introduction by {name} {surname} and sixty illustrations.",
    "The standard work, revised throughout for this edition.",
];

pub(super) const GENRES: &[Genre] = &[
    Genre {
        tag: "Fiction",
        titles: &[
            "The {adjective} {noun}", "{name}'s {noun}", "The {noun} of {abstract}", "A {noun} in {place}",
            "{abstract} in {month}",
        ],
        pages: (180, 520),
        blurbs: STORIES,
    },
    Genre {
        tag: "Crime",
        titles: &[
            "Death in {place}", "The Inheritance at {place}", "The {person} of {place}", "A {adjective} Witness",
            "The {adjective} {person}",
        ],
        pages: (240, 460),
        blurbs: STORIES,
    },
    Genre {
        tag: "Fantasy",
        titles: &[
            "The {noun} of {surname}", "The {person}'s {noun}", "Kingdom of the {adjective} {noun}",
            "The {adjective} {person}",
        ],
        pages: (320, 900),
        blurbs: STORIES,
    },
    Genre {
        tag: "Historical fiction",
        titles: &["The {person} of {place}", "The {person}'s Daughter", "{place}, {month}", "A {person} in {place}"],
        pages: (280, 640),
        blurbs: STORIES,
    },
    Genre {
        tag: "Poetry",
        titles: &[
            "{abstract} and Other Poems", "Poems from {place}", "The {adjective} {noun}: Poems",
            "{month} in {place}", "{abstract}, {abstract}",
        ],
        pages: (48, 140),
        blurbs: &[
            "New poems of {abstract} and {abstract}.",
            "The first collection since the prize-winning The {adjective} {noun}.",
        ],
    },
    Genre {
        tag: "Children",
        titles: &[
            "{name} and the {adjective} {noun}", "The {person} Who Lost a {noun}", "Good Night, {name}",
            "{name} Goes to {place}",
        ],
        pages: (24, 96),
        blurbs: &[
            "{name} finds a key that fits no door in the house. A story to read aloud.",
            "For everyone who ever wondered where the moon goes.",
        ],
    },
    Genre {
        tag: "History",
        titles: &[
            "{history}: A Short History", "A World History of {history}", "{place} and the Story of {history}",
            "The Age of {history}",
        ],
        pages: (220, 780),
        blurbs: FACTS,
    },
    Genre {
        tag: "Science",
        titles: &[
            "{science}: An Introduction", "The Secret Life of {science}", "{name} {surname} on {science}",
            "What We Know About {science}", "{science}: Notes from {place}",
        ],
        pages: (160, 480),
        blurbs: FACTS,
    },
    Genre {
        tag: "Biography",
        titles: &["{name} {surname}: A Life", "The Many Lives of {name} {surname}", "{surname}: The Years in {place}"],
        pages: (260, 720),
        blurbs: FACTS,
    },
    Genre {
        tag: "Cooking",
        titles: &[
            "{food}: Eighty Recipes", "A Year of {food}", "Cooking from {place}", "{food} at Home",
            "{food} from {place}", "{name}'s Kitchen: {food}",
        ],
        pages: (120, 320),
        blurbs: &[
            "Eighty recipes for weekdays, feasts and everything between.",
            "{name} {surname} cooks the way her grandmother did in {place}.",
        ],
    },
    Genre {
        tag: "Craft and garden",
        titles: &[
            "The Complete Guide to {craft}", "{craft} for Beginners", "{craft} Through the Year", "Notes on {craft}",
            "{craft} in {place}", "{craft} with {name} {surname}",
        ],
        pages: (96, 280),
        blurbs: FACTS,
    },
    Genre {
        tag: "Ideas",
        titles: &[
            "On {idea} and {abstract}", "{idea}: Letters from {place}", "{idea}: A Practical Guide",
            "The Case for {idea}", "How to Think About {idea}",
        ],
        pages: (120, 340),
        blurbs: FACTS,
    },
];

/// Tags besides the genres.
pub(super) const MARKS: &[&str] =
    &["Award winner", "Book club", "Large print", "Local author", "Signed copies", "Staff pick"];

pub(super) const ORDER_NOTES: &[&str] = &[
    "Gift: please wrap it.", "Leave with the neighbour.", "Ring twice.", "Will pick it up in the shop.",
    "Invoice to the school.",
];
