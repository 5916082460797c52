% PSNR, both SSIMs and Koehler's scores of pairs of images, by Octave and its image package.
% make_reference.py runs this: octave reference.m FOLDER. It reads FOLDER/list.txt, a line "name kind height width channels"
% each, and FOLDER/name.a and name.b, bytes in Octave's order of axes; it prints a line "name figure figure ..." each.

pkg load image
folder = argv(){1};

function window = gaussian(dimensions)
  line = exp(-((-5:5)' .^ 2) / (2 * 1.5 ^ 2));
  window = line * line';
  if dimensions == 3
    window = window .* reshape(line, 1, 1, 11);
  end
  window = window / sum(window(:));
end

function [l, c, s, map] = similarity(x, y, window)
  % luminance, contrast, structure and their product, where the window lies inside
  c1 = (0.01 * 255) ^ 2; c2 = (0.03 * 255) ^ 2;
  mx = convn(x, window, 'valid'); my = convn(y, window, 'valid');
  vx = convn(x .^ 2, window, 'valid') - mx .^ 2;
  vy = convn(y .^ 2, window, 'valid') - my .^ 2;
  vxy = convn(x .* y, window, 'valid') - mx .* my;
  l = (2 * mx .* my + c1) ./ (mx .^ 2 + my .^ 2 + c1);
  map = l .* (2 * vxy + c2) ./ (vx + vy + c2);
  deviations = sqrt(max(vx, 0)) .* sqrt(max(vy, 0));
  c = (2 * deviations + c2) ./ (vx + vy + c2);
  s = (vxy + c2 / 2) ./ (deviations + c2 / 2);
end

function value = wang(a, b)
  if min(size(a, 1), size(a, 2)) < 11
    value = NaN;
    return
  end
  of_channels = zeros(1, size(a, 3));
  for channel = 1:size(a, 3)
    [~, ~, ~, map] = similarity(double(a(:, :, channel)), double(b(:, :, channel)), gaussian(2));
    of_channels(channel) = mean(map(:));
  end
  value = mean(of_channels);
end

function value = matlab(a, b)
  dimensions = 2 + (size(a, 3) > 1);
  pad = [5 5 5](1:dimensions);
  x = padarray(double(a), pad, 'replicate'); y = padarray(double(b), pad, 'replicate');
  [~, ~, ~, map] = similarity(x, y, gaussian(dimensions));
  value = mean(map(:));
end

function value = multi_scale(x, y)
  exponents = [0.0448 0.2856 0.3001 0.2363 0.1333];
  half = [0.377402855612830 -0.110624404418440 -0.023849465019560 0.037828455507260];
  low = [fliplr(half) 0.852698679008890 half];
  value = 1;
  for scale = 1:5
    if scale > 1
      x = imfilter(x, low' * low / sum(low) ^ 2, 'symmetric')(1:2:end, 1:2:end);
      y = imfilter(y, low' * low / sum(low) ^ 2, 'symmetric')(1:2:end, 1:2:end);
    end
    [l, c, s] = similarity(x, y, gaussian(2));
    value *= (mean(c(:)) * mean(s(:))) ^ exponents(scale);
  end
  value *= mean(l(:)) ^ exponents(5);
end

function [quality, similar] = kohler(restored, frame)
  % the steps of the benchmark's evaluation code for one frame
  x = double(frame); z = double(restored);
  z *= sum(x(:) .* z(:)) / sum(z(:) .^ 2);
  correlation = real(ifft2(fft2(mean(x, 3)) .* conj(fft2(mean(z, 3)))));
  [~, place] = max(correlation(:));
  [row, column] = ind2sub(size(correlation), place);
  [height, width] = size(correlation);
  down = mod(row - 1 + floor(height / 2), height) - floor(height / 2);
  right = mod(column - 1 + floor(width / 2), width) - floor(width / 2);
  moved = zeros(size(z)); target = zeros(size(x));
  rows = max(1, 1 + down):min(height, height + down);
  columns = max(1, 1 + right):min(width, width + right);
  moved(rows, columns, :) = z(rows - down, columns - right, :);
  target(rows, columns, :) = x(rows, columns, :);
  weights = reshape([0.299 0.587 0.114], 1, 1, 3);
  moved = sum(moved .* weights, 3); target = sum(target .* weights, 3);
  quality = psnr(moved, target, 255);
  similar = multi_scale(moved, target);
end

function image = load_image(path, shape)
  file = fopen(path, 'r');
  image = reshape(fread(file, prod(shape), 'uint8=>uint8'), shape);
  fclose(file);
end

list = fopen(fullfile(folder, 'list.txt'));
entries = textscan(list, '%s %s %d %d %d');
fclose(list);
for i = 1:numel(entries{1})
  shape = double([entries{3}(i) entries{4}(i) entries{5}(i)]);
  a = load_image(fullfile(folder, [entries{1}{i} '.a']), shape);
  b = load_image(fullfile(folder, [entries{1}{i} '.b']), shape);
  if strcmp(entries{2}{i}, 'pair')
    printf('%s %.17g %.17g %.17g\n', entries{1}{i}, psnr(a, b), wang(a, b), matlab(a, b));
  else
    [quality, similar] = kohler(a, b);
    printf('%s %.17g %.17g\n', entries{1}{i}, quality, similar);
  end
end
