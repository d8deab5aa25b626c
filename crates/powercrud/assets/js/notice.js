// What the page tells once of what was done is in its address: a reload, a bookmark or a link would tell it again.
const address = new URL(location.href);
if (address.searchParams.has("notice")) {
  address.searchParams.delete("notice");
  history.replaceState(history.state, "", address);
}
