export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

export interface StageLayout {
  /** One for each tile, in the order given. */
  readonly boxes: readonly Box[];
  /** What the boxes take up; taller than the stage where they do not fit. */
  readonly height: number;
}

const GAP_PX = 10;
/** Width by height of a camera's picture. */
const UNCROPPED = 16 / 9;
/** Shapes a camera's tile may take: its picture loses the sides in the narrower ones. */
const SHAPES: readonly number[] = [UNCROPPED, 4 / 3];
/** On an upright phone pictures would be too small otherwise. */
const UPRIGHT_SHAPES: readonly number[] = [...SHAPES, 1, 4 / 5];
/** How much smaller the uncropped shape may be and still be preferred. */
const CROP_PENALTY = 0.85;
const NARROWEST_PX = 150;
/** The share of the stage that shared screens get. */
const SPOTLIGHT_SHARE = 0.78;
/** Height of a shared screen's tile by its width, where it stands above the others. */
const SCREEN_TALLNESS = 10 / 16;
/** The width at which one more tile fits into the strip below. */
const STRIP_TILE_PX = 240;

/**
 * Places tiles on a stage: all alike and as large as they can be, or, where some are shared screens,
 * those large and the others in a strip along the longer free side.
 */
export function layOut(spotlit: readonly boolean[], stage: Size): StageLayout {
  const large = spotlit.filter(Boolean).length;
  if (large === spotlit.length) return grid(large, stage, 'filling');
  if (large === 0) {
    return grid(spotlit.length, stage, stage.width < stage.height ? UPRIGHT_SHAPES : SHAPES);
  }
  return withStrip(spotlit, stage);
}

function withStrip(spotlit: readonly boolean[], stage: Size): StageLayout {
  const large = spotlit.filter(Boolean).length;
  const small = spotlit.length - large;
  const placed =
    stage.width > stage.height * 1.2 ? beside(large, small, stage) : below(large, small, stage);
  const boxes = { large: [...placed.large], small: [...placed.small] };
  const inOrder = spotlit.map((lit) => (lit ? boxes.large : boxes.small).shift());
  return { boxes: inOrder.filter((box) => box !== undefined), height: placed.height };
}

interface Strip {
  readonly large: readonly Box[];
  readonly small: readonly Box[];
  readonly height: number;
}

function beside(large: number, small: number, stage: Size): Strip {
  const width = Math.min(stage.width * SPOTLIGHT_SHARE, stage.width - NARROWEST_PX - GAP_PX);
  const main = grid(large, { width, height: stage.height }, 'filling');
  const left = width + GAP_PX;
  const strip = grid(small, { width: stage.width - left, height: stage.height }, SHAPES);
  return {
    large: main.boxes,
    small: strip.boxes.map((box) => ({ ...box, left: box.left + left })),
    height: Math.max(main.height, strip.height),
  };
}

function below(large: number, small: number, stage: Size): Strip {
  const mainHeight = Math.min(
    stage.height * SPOTLIGHT_SHARE,
    large * stage.width * SCREEN_TALLNESS,
  );
  const main = grid(large, { width: stage.width, height: mainHeight }, 'filling');
  const columns = Math.max(2, Math.floor(stage.width / STRIP_TILE_PX));
  const width = (stage.width - (columns - 1) * GAP_PX) / columns;
  const tile = { width, height: width / UNCROPPED };
  const strip = place(small, stage.width, { columns, tile });
  const total = mainHeight + GAP_PX + strip.height;
  const top = Math.max(0, (stage.height - total) / 2);
  return {
    large: main.boxes.map((box) => ({ ...box, top: box.top + top })),
    small: strip.boxes.map((box) => ({ ...box, top: box.top + top + mainHeight + GAP_PX })),
    height: Math.max(stage.height, total),
  };
}

interface Grid {
  readonly columns: number;
  readonly tile: Size;
}

function grid(count: number, stage: Size, shapes: 'filling' | readonly number[]): StageLayout {
  if (count === 0 || stage.width <= 0 || stage.height <= 0) return { boxes: [], height: 0 };
  const chosen = shapes === 'filling' ? filling(count, stage) : largest(count, stage, shapes);
  const placed = place(count, stage.width, chosen);
  const top = Math.max(0, (stage.height - placed.height) / 2);
  return {
    boxes: placed.boxes.map((box) => ({ ...box, top: box.top + top })),
    height: Math.max(placed.height, stage.height),
  };
}

/** Row by row from the top, each row in the middle. */
function place(count: number, stageWidth: number, { columns, tile }: Grid): StageLayout {
  const rows = Math.ceil(count / columns);
  const boxes = Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = Math.min(columns, count - row * columns);
    const rowWidth = inRow * tile.width + (inRow - 1) * GAP_PX;
    const left = (stageWidth - rowWidth) / 2 + (index % columns) * (tile.width + GAP_PX);
    return { ...tile, left, top: row * (tile.height + GAP_PX) };
  });
  return { boxes, height: rows * tile.height + (rows - 1) * GAP_PX };
}

/** Tiles of any shape that fill the stage: their pictures are never cropped. */
function filling(count: number, stage: Size): Grid {
  const columns = stage.width > stage.height ? Math.ceil(Math.sqrt(count)) : 1;
  const rows = Math.ceil(count / columns);
  const tile = {
    width: (stage.width - (columns - 1) * GAP_PX) / columns,
    height: (stage.height - (rows - 1) * GAP_PX) / rows,
  };
  return { columns, tile };
}

function largest(count: number, stage: Size, shapes: readonly number[]): Grid {
  const candidates = Array.from({ length: count }, (_, index) => index + 1).flatMap((columns) =>
    shapes.map((ratio) => ({ columns, ratio, tile: tileFor(count, columns, ratio, stage) })),
  );
  const worth = ({ ratio, tile }: (typeof candidates)[number]) =>
    tile.width * tile.height * (ratio === UNCROPPED ? 1 : CROP_PENALTY);
  const [best] = candidates
    .filter(({ tile }) => tile.width >= NARROWEST_PX)
    .sort((a, b) => worth(b) - worth(a));
  return best ?? scrolling(stage);
}

function tileFor(count: number, columns: number, ratio: number, stage: Size): Size {
  const rows = Math.ceil(count / columns);
  const widthLimit = (stage.width - (columns - 1) * GAP_PX) / columns;
  const heightLimit = (stage.height - (rows - 1) * GAP_PX) / rows;
  const width = Math.max(0, Math.min(widthLimit, heightLimit * ratio));
  return { width, height: width / ratio };
}

/** Too many to see at once: as narrow as is useful, and more below. */
function scrolling(stage: Size): Grid {
  const columns = Math.max(1, Math.floor((stage.width + GAP_PX) / (NARROWEST_PX + GAP_PX)));
  const width = (stage.width - (columns - 1) * GAP_PX) / columns;
  return { columns, tile: { width, height: (width / 4) * 3 } };
}
