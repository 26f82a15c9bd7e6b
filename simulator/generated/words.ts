// Words that generated records are made of. Several scripts, accents and quotes on purpose: they must survive every hop.
// biome-ignore-all format: one word a line would be a long way to the end

export const FIRST_NAMES = [
  'Abigail', 'Adeola', 'Anna', 'Benjamin', 'Björn', 'Caleb', 'Chloé', 'Daniel', 'Deborah', 'Elias', 'Esther', 'Francesca', 'Gideon',
  'Hannah', 'Hye-jin', 'Isaac', 'Jonah', 'José', 'Joy', 'Kwame', 'Leah', 'Łukasz', 'Lydia', 'Martha', 'Micah', 'Naomi', 'Noah',
  'Olivia', 'Paul', 'Phoebe', 'Priscilla', 'Rachel', 'Ruth', 'Samuel', 'Silas', 'Tabitha', 'Thomas', 'Zoë', 'Мария', '美玲',
] as const

export const LAST_NAMES = [
  'Adeyemi', 'Andersen', 'Baker', 'Brown', 'Castillo', 'Clark', "D'Angelo", 'Davis', 'Fernández', 'Garcia', 'Green', 'Hernandez',
  'Hughes', 'Ivanov', 'Jackson', 'Johnson', 'Kim', 'King', 'Kowalski', 'Lee', 'Lewis', 'Lopez', 'Martin', 'Miller', 'Moore', 'Müller',
  'Nguyễn', 'O’Brien', "O'Neil", 'Okafor', 'Patel', 'Quinn', 'Reyes', 'Robinson', 'Schmidt', 'Silva', 'Smith-Jones', 'van der Berg',
  'Walker', 'White', 'Young', '王',
] as const

export const CITIES = [
  ['Springfield', 'IL', '627'], ['Franklin', 'TN', '370'], ['Salem', 'OR', '973'], ['Cañon City', 'CO', '812'],
  ['Madison', 'WI', '537'], ['Greenville', 'SC', '296'], ['Bristol', 'VA', '242'], ['Coeur d’Alene', 'ID', '838'],
] as const

export const STREETS = [
  'Oak Street', 'Maple Avenue', 'Church Road', 'Hill Lane', "St. John's Way", 'River Drive', 'Second Street', 'Mill "Old" Road',
] as const

export const MEMBERSHIPS = ['Member', 'Member', 'Member', 'Regular Attender', 'Visitor', 'Participant', 'In Progress', null] as const

export const MEDICAL_NOTES = [
  'Peanut allergy', 'Carries an "EpiPen"\nCall the parents first', 'Asthma; inhaler in the bag', 'Gluten-free \\ dairy-free',
] as const

export const GROUP_THEMES = [
  'Young Adults', 'Alpha', 'Men’s Breakfast', 'Women’s Bible Study', 'Marriage Course', 'Choir', 'Prayer', 'Parents & Toddlers',
  'Grupo de Oración', 'Youth', 'Seniors', 'Welcome Team',
] as const

export const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const

export const CARRIERS = [null, null, null, 'Verizon', 'AT&T', 'T-Mobile'] as const
