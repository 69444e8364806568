/**
 * The emoji that the shipped model names, by their Unicode names. Chosen: one or two words, drawn as the same thing in every
 * style, and told apart by a person from every other one here (of "dog face" and "dog" only one is in, no clock faces, no
 * families; "scroll" is a mouse wheel in one style, "hospital" a disk in another).
 */
export const emojiNames = [
  // faces and hearts
  'winking face', 'thinking face', 'sleeping face', 'drooling face', 'nerd face', 'crying face', 'angry face', 'flushed face',
  'grimacing face', 'lying face', 'sneezing face', 'clown face', 'skull', 'ghost', 'alien', 'alien monster', 'love letter',
  'broken heart', 'red heart', 'yellow heart', 'green heart', 'blue heart', 'purple heart', 'kiss mark', 'hundred points',
  'collision', 'speech balloon', 'eyes', 'eye', 'tongue', 'mouth', 'footprints',
  // animals
  'monkey face', 'gorilla', 'dog face', 'poodle', 'fox', 'cat face', 'lion', 'tiger face', 'leopard', 'horse face', 'unicorn',
  'deer', 'cow face', 'water buffalo', 'pig face', 'pig nose', 'ram', 'camel', 'elephant', 'rhinoceros', 'mouse face', 'hamster',
  'rabbit face', 'chipmunk', 'bat', 'bear', 'koala', 'panda', 'paw prints', 'turkey', 'rooster', 'hatching chick', 'penguin',
  'dove', 'eagle', 'duck', 'owl', 'frog', 'crocodile', 'turtle', 'lizard', 'snake', 'dragon face', 'spouting whale', 'dolphin',
  'tropical fish', 'blowfish', 'shark', 'octopus', 'crab', 'shrimp', 'squid', 'snail', 'butterfly', 'bug', 'ant', 'honeybee',
  'lady beetle', 'spider', 'spider web', 'scorpion',
  // plants
  'bouquet', 'cherry blossom', 'rose', 'wilted flower', 'hibiscus', 'sunflower', 'tulip', 'seedling', 'evergreen tree',
  'deciduous tree', 'palm tree', 'cactus', 'shamrock', 'maple leaf', 'mushroom',
  // food
  'grapes', 'watermelon', 'tangerine', 'lemon', 'banana', 'pineapple', 'red apple', 'green apple', 'pear', 'peach', 'cherries',
  'strawberry', 'kiwi fruit', 'tomato', 'avocado', 'eggplant', 'potato', 'carrot', 'hot pepper', 'cucumber', 'peanuts',
  'chestnut', 'bread', 'croissant', 'pancakes', 'cheese wedge', 'poultry leg', 'bacon', 'hamburger', 'french fries', 'pizza',
  'hot dog', 'taco', 'burrito', 'cooking', 'popcorn', 'rice ball', 'spaghetti', 'sushi', 'fried shrimp', 'dango', 'shaved ice',
  'ice cream', 'doughnut', 'cookie', 'birthday cake', 'shortcake', 'chocolate bar', 'candy', 'lollipop', 'custard', 'honey pot',
  'baby bottle', 'hot beverage', 'wine glass', 'cocktail glass', 'tropical drink', 'beer mug', 'spoon', 'kitchen knife',
  'amphora',
  // places and vehicles
  'world map', 'volcano', 'desert island', 'stadium', 'house', 'castle', 'church', 'mosque', 'kaaba', 'fountain', 'tent',
  'hot springs', 'carousel horse', 'ferris wheel', 'roller coaster', 'barber pole', 'circus tent', 'locomotive', 'bus',
  'ambulance', 'fire engine', 'police car', 'taxi', 'automobile', 'tractor', 'racing car', 'motorcycle', 'bicycle', 'bus stop',
  'fuel pump', 'stop sign', 'construction', 'anchor', 'sailboat', 'canoe', 'ship', 'airplane', 'seat', 'helicopter', 'satellite',
  'rocket', 'bellhop bell', 'hourglass done', 'watch', 'alarm clock', 'stopwatch',
  // sky
  'full moon', 'crescent moon', 'thermometer', 'sun', 'star', 'shooting star', 'cloud', 'tornado', 'cyclone', 'rainbow',
  'umbrella', 'high voltage', 'snowflake', 'snowman', 'comet', 'fire', 'droplet', 'water wave',
  // play
  'Christmas tree', 'fireworks', 'sparkles', 'balloon', 'party popper', 'confetti ball', 'pine decoration', 'carp streamer',
  'wind chime', 'ribbon', 'wrapped gift', 'ticket', 'military medal', 'trophy', 'soccer ball', 'baseball', 'basketball',
  'volleyball', 'rugby football', 'tennis', 'bowling', 'ping pong', 'badminton', 'boxing glove', 'ice skate', 'fishing pole',
  'running shirt', 'skis', 'crystal ball', 'video game', 'joystick', 'slot machine', 'game die', 'spade suit', 'diamond suit',
  'club suit', 'framed picture', 'artist palette',
  // things
  'glasses', 'sunglasses', 'necktie', 't-shirt', 'jeans', 'dress', 'kimono', 'bikini', 'handbag', 'shopping bags', 'backpack',
  'running shoe', 'crown', 'top hat', 'graduation cap', 'lipstick', 'ring', 'gem stone', 'megaphone', 'postal horn', 'bell',
  'musical score', 'musical notes', 'control knobs', 'microphone', 'headphone', 'radio', 'saxophone', 'trumpet', 'guitar',
  'violin', 'drum', 'mobile phone', 'telephone', 'battery', 'electric plug', 'printer', 'keyboard', 'computer mouse', 'trackball',
  'floppy disk', 'film frames', 'clapper board', 'television', 'camera', 'candle', 'light bulb', 'flashlight', 'open book',
  'green book', 'blue book', 'orange book', 'books', 'newspaper', 'label', 'money bag', 'credit card', 'envelope', 'package',
  'pencil', 'fountain pen', 'paintbrush', 'crayon', 'briefcase', 'file folder', 'bar chart', 'clipboard', 'pushpin', 'paperclip',
  'straight ruler', 'scissors', 'wastebasket', 'locked', 'key', 'hammer', 'dagger', 'crossed swords', 'bomb', 'shield', 'wrench',
  'gear', 'balance scale', 'link', 'alembic', 'microscope', 'telescope', 'syringe', 'pill', 'door', 'bed', 'toilet', 'shower',
  'bathtub', 'shopping cart', 'cigarette', 'coffin',
]
