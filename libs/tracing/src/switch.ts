/** Whether spans are made. While they are not, everything here returns at once. */
export const tracing = { on: false };
