// Where does the page begin?

load();
